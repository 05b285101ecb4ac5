// Runs of one contender after the other. What goes wrong with one is told, and does not end the others.

/** Resolves with the results of those that worked, and with a sentence for each of those that did not. */
export async function runAll(attempts, log) {
  const runs = [];
  const problems = [];
  for (const { contender, what, run } of attempts) {
    log(`${contender.name}, ${what}`);
    try {
      runs.push({ contender: contender.name, how: contender.how, ...(await run()) });
    } catch (error) {
      log(`it failed: ${error.message}`);
      problems.push({ contender: `${contender.name}, ${what}`, problem: error.message.split('\n')[0] });
    }
  }
  return { runs, problems };
}
