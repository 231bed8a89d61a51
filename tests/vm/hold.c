/* hold UUID SECONDS [device|device-only|group]: opens a mediated device through VFIO as a virtual machine monitor does, and holds
 * it until SIGTERM or until SECONDS have passed. Prints "holding" once it does.
 *   device       container, group and device stay open
 *   device-only  only the device stays open, so that nobody is seen to have the group's node open
 *   group        container and group stay open, the device is never opened
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/vfio.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

static void die(const char* doing) {
  fprintf(stderr, "hold: cannot %s: %s\n", doing, strerror(errno));
  exit(1);
}

static void let_go(int number) {
  (void)number;
  _exit(0);
}

static int open_group(const char* uuid) {
  char link[256];
  char target[4096];
  char node[64];
  snprintf(link, sizeof link, "/sys/bus/mdev/devices/%s/iommu_group", uuid);
  const ssize_t length = readlink(link, target, sizeof target - 1);
  if (length < 0) {
    die("find the device's IOMMU group");
  }
  target[length] = '\0';
  snprintf(node, sizeof node, "/dev/vfio/%d", atoi(strrchr(target, '/') + 1));
  const int group = open(node, O_RDWR);
  if (group < 0) {
    die("open the group");
  }
  return group;
}

int main(int argc, char** argv) {
  if (argc < 3) {
    fprintf(stderr, "usage: hold UUID SECONDS [device|device-only|group]\n");
    return 2;
  }
  const char* mode = argc > 3 ? argv[3] : "device";
  signal(SIGTERM, let_go);
  const int group = open_group(argv[1]);
  const int container = open("/dev/vfio/vfio", O_RDWR);
  if (container < 0 || ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) != 0 ||
      ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) != 0) {
    die("put the group into a container");
  }
  if (strcmp(mode, "group") != 0 && ioctl(group, VFIO_GROUP_GET_DEVICE_FD, argv[1]) < 0) {
    die("open the device");
  }
  if (strcmp(mode, "device-only") == 0) {
    close(group);
    close(container);
  }
  puts("holding");
  fflush(stdout);
  sleep((unsigned)atoi(argv[2]));
  return 0;
}
