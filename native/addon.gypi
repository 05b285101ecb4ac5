# One addon per architecture, for every Node.js that has Node-API 8. Linux only:
# elsewhere the target exists and builds nothing. Included by binding.gyp, once for
# the repository and once for the package; paths are relative to this file, and
# commands run where that one is.
{
  'variables': {
    # node-gyp rebuild -- -Dsanitize=true
    'sanitize%': 'false',
  },
  'targets': [
    {
      'target_name': 'uninterruptible',
      'conditions': [
        ['OS!="linux"', {
          'type': 'none',
        }, {
          'sources': [
            'addon.cc',
            'ancillary_data.cc',
            'arguments.cc',
            'child_processes.cc',
            'control_socket.cc',
            'descriptor.cc',
            'errno_exception.cc',
            'execution.cc',
            'file_descriptor.cc',
            'file_lock.cc',
            'listening_socket.cc',
            'program.cc',
            'properties.cc',
            'signal_mask.cc',
            'socket_inspection.cc',
            'spawn.cc',
            'tcp_socket.cc',
            'unix_socket.cc',
            'watcher.cc',
            'words.cc',
          ],
          'include_dirs': ['<!(node -p "require(\'node-addon-api\').include_dir")'],
          'defines': [
            'NAPI_VERSION=8',
            'NODE_ADDON_API_DISABLE_CPP_EXCEPTIONS',
            'NODE_ADDON_API_DISABLE_DEPRECATED',
            'NODE_API_SWALLOW_UNTHROWABLE_EXCEPTIONS',
            'UNINTERRUPTIBLE_SOURCE_DIGEST="<!(node <(digest))"',
          ],
          'cflags!': ['-O3'],
          'cflags_cc!': ['-std=gnu++17', '-std=gnu++20'],
          'cflags_cc': [
            '-std=c++17', '-O2', '-Wall', '-Wextra', '-Wpedantic', '-Werror',
            '-fvisibility=hidden', '-fno-exceptions', '-fno-rtti', '-ffunction-sections',
          ],
          'ldflags': ['-Wl,--as-needed', '-Wl,--gc-sections'],
          'conditions': [
            # off_t has 64 bits there anyway, and without the macro the binary
            # needs neither fcntl64 of glibc 2.28 nor a libc that has such names.
            ['target_arch in "x64 arm64"', {
              'defines!': ['_FILE_OFFSET_BITS=64', '_LARGEFILE_SOURCE'],
            }],
            ['sanitize=="true"', {
              'cflags_cc': ['-g', '-O1', '-fno-omit-frame-pointer', '-fsanitize=address,undefined'],
              'ldflags': ['-fsanitize=address,undefined'],
            }],
          ],
        }],
      ],
    },
  ],
}
