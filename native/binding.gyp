# The addon, for whoever compiles it in the package, where it is in build/ here:
# npx node-gyp rebuild --directory node_modules/uninterruptible/native
{
  'variables': {'digest': 'digest.mjs'},
  'includes': ['addon.gypi'],
}
