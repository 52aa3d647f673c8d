// Required into a program: when it ends, writes its peak memory in bytes and its processor time in seconds to standard error.
process.once('exit', () => {
  const { maxRSS, userCPUTime, systemCPUTime } = process.resourceUsage();
  process.stderr.write(`usage: ${maxRSS * 1024} ${(userCPUTime + systemCPUTime) / 1e6}\n`);
});
