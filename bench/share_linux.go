package main

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// sharePeriod is the time of which a process has a part: as short as a part of a quarter may
// be, so that who waits for a lock that the process holds does not wait long for its next turn.
const sharePeriod = 4 * time.Millisecond

// share lets the child's processes have no more than a part of one core, which takes a control group
// (cgroup-v2.rst "cpu.max", and sched-bwc.rst for version 1, in Linux's documentation).
func (c *child) share(part float64) error {
	group, err := shareGroup(fmt.Sprintf("parley-bench-%d", c.pid()), part)
	if err != nil {
		return err
	}
	c.group = group
	return os.WriteFile(filepath.Join(group, "cgroup.procs"), []byte(strconv.Itoa(c.pid())), 0)
}

// canShare is nil if children can be given shares.
func canShare() error {
	group, err := shareGroup(fmt.Sprintf("parley-bench-%d", os.Getpid()), 1)
	if err != nil {
		return err
	}
	return os.Remove(group)
}

// shareGroup makes a control group, without processes.
func shareGroup(name string, part float64) (group string, err error) {
	const root = "/sys/fs/cgroup"
	quota, period := int64(part*float64(sharePeriod.Microseconds())), sharePeriod.Microseconds()
	group, settings := filepath.Join(root, name), map[string]string{"cpu.max": fmt.Sprintf("%d %d", quota, period)}
	if _, err := os.Stat(filepath.Join(root, "cgroup.controllers")); err != nil {
		group = filepath.Join(root, "cpu", name)
		settings = map[string]string{"cpu.cfs_period_us": strconv.FormatInt(period, 10), "cpu.cfs_quota_us": strconv.FormatInt(quota, 10)}
	}
	if err := os.Mkdir(group, 0o755); err != nil {
		return "", err
	}
	for name, value := range settings {
		if err := os.WriteFile(filepath.Join(group, name), []byte(value), 0); err != nil {
			return "", errors.Join(err, os.Remove(group))
		}
	}
	return group, nil
}
