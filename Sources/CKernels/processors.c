// SPDX-License-Identifier: Apache-2.0
// Whether the machine has processors of several kinds, some slower than others.
#include "pool.h"

#include <stdio.h>

#if defined(__linux__)
// Of a processor of arm64, out of 1024; -1: unknown.
static int capacity(int cpu) {
  char path[80];
  snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/cpu_capacity", cpu);
  FILE *file = fopen(path, "r");
  int value = -1;
  if (!file) return -1;
  if (fscanf(file, "%d", &value) != 1) value = -1;
  fclose(file);
  return value;
}

bool ck_processors_differ(void) {
  if (access("/sys/devices/cpu_atom", F_OK) == 0 && access("/sys/devices/cpu_core", F_OK) == 0) return true;
  int first = capacity(0), cpus = (int)sysconf(_SC_NPROCESSORS_CONF);
  for (int cpu = 1; cpu < cpus && first >= 0; cpu++)
    if (capacity(cpu) != first) return true;
  return false;
}
#else
bool ck_processors_differ(void) { return true; }
#endif
