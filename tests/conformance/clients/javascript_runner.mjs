// Runs checks by name, one after the other, and ends the process with the sum.
export async function runChecks(checks) {
  let passed = 0;
  let failed = 0;
  for (const [check, run] of Object.entries(checks)) {
    try {
      await run();
      passed++;
      console.log(`ok   ${check}`);
    } catch (error) {
      failed++;
      console.log(`FAIL ${check}: ${error.stack}`);
    }
  }
  console.log(`${passed} passed, ${failed} failed, 0 skipped`);
  process.exit(failed ? 1 : 0);
}
