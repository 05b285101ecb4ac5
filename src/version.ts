/** The version of this library: a test compares it with package.json, which a deploy may have replaced while we run. */
export const VERSION = '0.1.0';
