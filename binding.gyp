# The addon, for the repository: npm would compile a package with this file in its
# root whenever it is installed from a lockfile. The package has native/binding.gyp.
{
  'variables': {'digest': 'native/digest.mjs'},
  'includes': ['native/addon.gypi'],
}
