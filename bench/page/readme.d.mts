/** The lines between the marks. `plot` is where the README finds it. */
export function readmeSection(result: unknown, plot: string): string;
/** Puts it between the marks of the README. */
export function writeReadme(path: string, result: unknown, plot: string): void;
