/**
 * What work costs this process' processors, in milliseconds: unlike the time on the wall it is the same beside other
 * work.
 */
export function processorMs(work: () => void): number {
  const before = process.cpuUsage();
  work();
  const { user, system } = process.cpuUsage(before);
  return (user + system) / 1_000;
}
