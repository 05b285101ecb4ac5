/** Where and when something was measured. */
export function describeMachine(): Record<string, unknown>;
