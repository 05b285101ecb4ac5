// What must not be in the result of the load: each finding is a sentence.

export function findComplaints({ attempted, answered, lost, lostByCause, rate, longLived }) {
  const complaints = [];
  if (lost > 0) complaints.push(`${lost} of ${attempted} connections were lost (${list(lostByCause)})`);
  else if (answered !== attempted) complaints.push(`${attempted - answered} connections are unaccounted for`);
  if (!rate.reached) {
    const [achieved, requested] = [Math.round(rate.achieved), rate.requested];
    complaints.push(`the rate was not reached: ${achieved} of ${requested} connections a second`);
  }
  const { cutIdle, cutInRequest, unanswered, wrongAnswers, failedToOpen, notClosed } = longLived;
  const cuts = { cutIdle, cutInRequest, unanswered, wrongAnswers, failedToOpen, notClosed };
  const happened = Object.entries(cuts).filter(([, count]) => count > 0);
  if (happened.length > 0) {
    complaints.push(`long-lived connections were cut (${list(Object.fromEntries(happened))})`);
  }
  return complaints;
}

function list(counts) {
  return Object.entries(counts)
    .map(([name, count]) => `${name}: ${count}`)
    .join(', ');
}
