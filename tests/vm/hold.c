/* hold UUID SECONDS [device|device-only|group|group-only|node]: opens a mediated device through VFIO as a virtual machine monitor does,
 * and holds it until SIGTERM or until SECONDS have passed. Prints "holding" when it is open.
 *   device       container, group and device stay open
 *   device-only  only the device stays open, so that no process is found to have the group's node open
 *   group        container and group stay open, the device is never opened
 *   group-only   only the group stays open, in no container
 *   node         the VFIO device node stays open, which needs no group; bound to an iommufd if the kernel has it
 */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <limits.h>
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

static void usage(void) {
  fprintf(stderr, "usage: hold UUID SECONDS [device|device-only|group|group-only|node]\n");
  exit(2);
}

static void let_go(int number) {
  (void)number;
  _exit(0);
}

static unsigned to_seconds(const char* text) {
  char* end = NULL;
  errno = 0;
  const unsigned long seconds = strtoul(text, &end, 10);
  if (errno != 0 || end == text || *end != '\0' || seconds > INT_MAX) {
    usage();
  }
  return (unsigned)seconds;
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

/* A device can be opened only when its group lies in a container that has an IOMMU model. */
static int open_container(int group) {
  const int container = open("/dev/vfio/vfio", O_RDWR);
  if (container < 0) {
    die("open the container");
  }
  if (ioctl(group, VFIO_GROUP_SET_CONTAINER, &container) != 0 || ioctl(container, VFIO_SET_IOMMU, VFIO_TYPE1v2_IOMMU) != 0) {
    die("put the group into a container");
  }
  return container;
}

static void bind_iommufd(int device) {
#ifdef VFIO_DEVICE_BIND_IOMMUFD
  const int iommufd = open("/dev/iommu", O_RDWR);
  if (iommufd < 0) {
    return;
  }
  struct vfio_device_bind_iommufd bind = {.argsz = sizeof bind, .iommufd = iommufd};
  if (ioctl(device, VFIO_DEVICE_BIND_IOMMUFD, &bind) != 0) {
    die("bind the device to an iommufd");
  }
#else
  (void)device;
#endif
}

static void open_node(const char* uuid) {
  char pattern[256];
  char node[64];
  glob_t found;
  snprintf(pattern, sizeof pattern, "/sys/bus/mdev/devices/%s/vfio-dev/vfio*", uuid);
  if (glob(pattern, 0, NULL, &found) != 0) {
    die("find the device's own node");
  }
  snprintf(node, sizeof node, "/dev/vfio/devices/%s", strrchr(found.gl_pathv[0], '/') + 1);
  const int device = open(node, O_RDWR);
  if (device < 0) {
    die("open the device's own node");
  }
  bind_iommufd(device);
}

static void open_with_group(const char* uuid, const char* mode) {
  const int device_only = strcmp(mode, "device-only") == 0;
  const int group_only = strcmp(mode, "group-only") == 0;
  const int with_device = device_only || strcmp(mode, "device") == 0;
  if (!with_device && !group_only && strcmp(mode, "group") != 0) {
    usage();
  }
  const int group = open_group(uuid);
  const int container = group_only ? -1 : open_container(group);
  if (with_device && ioctl(group, VFIO_GROUP_GET_DEVICE_FD, uuid) < 0) {
    die("open the device");
  }
  if (device_only) {
    /* The device keeps both alive in the kernel. */
    close(group);
    close(container);
  }
}

int main(int argc, char** argv) {
  if (argc < 3 || argc > 4) {
    usage();
  }
  const char* mode = argc > 3 ? argv[3] : "device";
  const unsigned seconds = to_seconds(argv[2]);
  signal(SIGTERM, let_go);

  if (strcmp(mode, "node") == 0) {
    open_node(argv[1]);
  } else {
    open_with_group(argv[1], mode);
  }
  puts("holding");
  fflush(stdout);
  sleep(seconds);
  return 0;
}
