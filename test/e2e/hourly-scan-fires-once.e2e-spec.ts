import { Injectable } from '@nestjs/common';
import { Interval, ScheduleModule, SchedulerRegistry } from '@nestjs/schedule';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { DetectionService } from '../../src/index.js';
import { ADAPTERS, startHost, type Host } from '../support/host-app.js';

@Injectable()
class HostsOwnInterval {
  ticks = 0;

  @Interval(1_000)
  tick(): void {
    this.ticks += 1;
  }
}

describe.each(ADAPTERS)('the hourly scan on %s', (adapter) => {
  let host: Host;
  let runs: number;

  const start = async (withScheduler: boolean, cron: boolean | string = true) => {
    host = await startHost({
      adapter,
      imports: withScheduler ? [ScheduleModule.forRoot()] : [],
      providers: [HostsOwnInterval],
      options: { detection: { cron } },
    });
    runs = 0;
    vi.spyOn(host.app.get(DetectionService), 'scanOnce').mockImplementation(() => {
      runs += 1;
      return Promise.resolve(null);
    });
  };

  beforeEach(() => {
    vi.useFakeTimers({
      toFake: ['setTimeout', 'clearTimeout', 'setInterval', 'clearInterval', 'Date'],
      now: new Date('2026-01-31T09:59:50Z'),
      shouldAdvanceTime: true,
    });
  });
  afterEach(async () => {
    vi.useRealTimers();
    vi.restoreAllMocks();
    await host.close();
  });

  it('fires once an hour in a host without a scheduler', async () => {
    await start(false);
    await vi.advanceTimersByTimeAsync(35_000);
    expect(runs).toBe(1);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(runs).toBe(2);
  });

  it('fires once an hour in a host with one, whose own intervals fire once too', async () => {
    await start(true);
    const { ticks } = host.app.get(HostsOwnInterval);
    await vi.advanceTimersByTimeAsync(35_000);
    expect(runs).toBe(1);
    const passed = host.app.get(HostsOwnInterval).ticks - ticks;
    expect(passed).toBeGreaterThanOrEqual(35);
    expect(passed).toBeLessThanOrEqual(36);
    expect(host.app.get(SchedulerRegistry).doesExist('cron', 'ip-tracking.detection')).toBe(true);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(runs).toBe(2);
  });

  it.each([
    ['without a scheduler', false],
    ['with one', true],
  ])('fires when another expression says so, in a host %s', async (_, withScheduler) => {
    await start(withScheduler, '15 * * * *');
    await vi.advanceTimersByTimeAsync(60_000);
    expect(runs).toBe(0);
    await vi.advanceTimersByTimeAsync(15 * 60_000);
    expect(runs).toBe(1);
    await vi.advanceTimersByTimeAsync(3_600_000);
    expect(runs).toBe(2);
  });
});
