/** A directory as it stands in the log: a link may lead to another release by now than its reader believes. */
import { realpathSync } from 'node:fs';

export interface ShownDirectory {
  directory: string;
  /** Where links in it lead, if that is elsewhere. */
  realDirectory?: string;
}

export function showDirectory(directory: string): ShownDirectory {
  try {
    const realDirectory = realpathSync(directory);
    return realDirectory === directory ? { directory } : { directory, realDirectory };
  } catch {
    // Whoever starts something there will say why that fails.
    return { directory };
  }
}
