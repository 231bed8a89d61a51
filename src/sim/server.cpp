#include "server.hpp"

#define FUSE_USE_VERSION 314
#include <fcntl.h>
#include <fmt/format.h>
#include <fuse3/fuse_lowlevel.h>
#include <poll.h>
#include <sys/mount.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <cstdio>
#include <mdevadm/sys/result.hpp>
#include <mdevadm/sys/unique_fd.hpp>
#include <mdevadm/util/error.hpp>
#include <mdevadm/util/text.hpp>
#include <unordered_map>

namespace mdevadm::sim {

namespace {

// An open file: the contents of an attribute at the first read, or the entries of a directory.
struct Handle {
  NodeId node;
  Reading reading{};
  struct Entry {
    std::string name;
    NodeId node;
    mode_t type;
  };
  std::vector<Entry> entries{};
};

// libfuse reports the cause of a failure on standard error only; this stores its last message for our own
// error.
std::string last_message;

[[gnu::format(printf, 2, 0)]] void store_message(fuse_log_level level, const char* format,
                                                 va_list arguments) {
  char text[512];
  if (level <= FUSE_LOG_ERR && std::vsnprintf(text, sizeof text, format, arguments) > 0) {
    last_message = trim(text);
  }
}

// Mounts an empty FUSE file system and returns the descriptor to serve it from. fuse_session_mount would run
// mount(8) after the kernel's mount in libfuse 3.15 and later; mount(8) looks for /sys/fs/selinux in the new
// file system, which is served only after fuse_session_mount has returned: a deadlock.
sys::Result<sys::UniqueFd> mount_fuse(const std::string& directory) {
  sys::UniqueFd device(::open("/dev/fuse", O_RDWR | O_CLOEXEC));
  if (!device) {
    return sys::SysError{errno, "/dev/fuse"};
  }
  const std::string options = fmt::format("fd={},rootmode=40000,user_id={},group_id={},allow_other",
                                          device.get(), ::getuid(), ::getgid());
  if (::mount("mdevsim", directory.c_str(), "fuse.mdevsim", MS_NOSUID | MS_NODEV, options.c_str()) != 0) {
    return sys::SysError{errno, directory};
  }
  return device;
}

mode_t type_of(FileKind kind) {
  return kind == FileKind::directory ? S_IFDIR : kind == FileKind::link ? S_IFLNK : S_IFREG;
}

}  // namespace

class Server::Session {
 public:
  Session(Machine& machine, const Ptys& nodes, const UeventSocket* uevents)
      : machine_(machine), nodes_(nodes), uevents_(uevents) {}
  ~Session() { unmount(); }

  void mount(const std::string& directory);
  void serve(int stop);
  void unmount();

 private:
  static Session& of(fuse_req_t request) { return *static_cast<Session*>(fuse_req_userdata(request)); }
  static fuse_lowlevel_ops operations();

  struct stat status_of(const File& file) const;
  bool is_permanent(const File& file) const;
  void reply_entry(fuse_req_t request, const File& file) const;
  void do_lookup(fuse_req_t request, NodeId parent, const char* name);
  void do_getattr(fuse_req_t request, NodeId node);
  void do_setattr(fuse_req_t request, NodeId node, const struct stat& wanted, int which);
  void do_access(fuse_req_t request, NodeId node, int mask);
  void reply_open(fuse_req_t request, fuse_file_info* info, Handle handle);
  void do_open(fuse_req_t request, NodeId node, fuse_file_info* info);
  void do_opendir(fuse_req_t request, NodeId node, fuse_file_info* info);
  void do_read(fuse_req_t request, std::size_t size, off_t offset, Handle& handle);
  static void do_readdir(fuse_req_t request, std::size_t size, off_t offset, const Handle& handle);
  void do_write(fuse_req_t request, std::string_view data, const Handle& handle);

  // Sends the events of the machine, or drops them if there is no socket.
  void send_uevents();

  Time now() const { return std::chrono::duration_cast<Time>(std::chrono::steady_clock::now() - began_); }

  Machine& machine_;
  const Ptys& nodes_;
  const UeventSocket* uevents_;
  fuse_session* session_ = nullptr;
  std::string mounted_;  // directory of the mounted file system; empty: none
  std::chrono::steady_clock::time_point began_ = std::chrono::steady_clock::now();
  std::unordered_map<std::uint64_t, Handle> handles_;  // open files, by fuse_file_info::fh
  std::uint64_t last_handle_ = 0;
  time_t birth_ = ::time(nullptr);
};

struct stat Server::Session::status_of(const File& file) const {
  struct stat status {};
  status.st_ino = file.id;
  status.st_mode = type_of(file.kind) | file.mode;
  status.st_uid = file.owner;
  status.st_gid = file.group;
  status.st_nlink = 1;
  if (file.kind == FileKind::directory) {
    status.st_nlink = 2;
  } else if (file.kind == FileKind::attribute) {
    status.st_size = page_size;
  }
  status.st_blksize = page_size;
  status.st_atim.tv_sec = status.st_mtim.tv_sec = status.st_ctim.tv_sec = birth_;
  return status;
}

// Returns whether a directory exists as long as the host, so that the kernel may cache its name: those of
// buses and classes and roots of devices, through which all paths lead.
bool Server::Session::is_permanent(const File& file) const {
  if (file.kind != FileKind::directory) {
    return false;
  }
  const std::string path = machine_.files().path_of(file.id);
  constexpr std::array names{"/bus",      "/bus/pci",         "/bus/pci/devices", "/bus/pci/drivers",
                             "/bus/mdev", "/class",           "/class/mdev_bus",  "/bus/mdev/devices",
                             "/devices",  "/devices/virtual", "/kernel"};
  const bool is_root_of_devices = path.starts_with("/devices/pci") &&
                                  path.find('/', std::string_view("/devices/").size()) == std::string::npos;
  return is_root_of_devices || std::find(names.begin(), names.end(), path) != names.end();
}

void Server::Session::reply_entry(fuse_req_t request, const File& file) const {
  fuse_entry_param entry{};
  entry.ino = file.id;
  entry.attr = status_of(file);
  if (is_permanent(file)) {
    entry.entry_timeout = entry.attr_timeout = 3600;  // seconds
  }
  fuse_reply_entry(request, &entry);
}

void Server::Session::do_lookup(fuse_req_t request, NodeId parent, const char* name) {
  const auto found = machine_.files().find(parent, name);
  if (!found) {
    fuse_reply_err(request, ENOENT);
    return;
  }
  reply_entry(request, *machine_.files().get(*found));
}

void Server::Session::do_getattr(fuse_req_t request, NodeId node) {
  const File* file = machine_.files().get(node);
  if (file == nullptr) {
    fuse_reply_err(request, ENOENT);
    return;
  }
  const struct stat status = status_of(*file);
  fuse_reply_attr(request, &status, 0);
}

// Changes owner and mode of attributes; sizes are ignored.
void Server::Session::do_setattr(fuse_req_t request, NodeId node, const struct stat& wanted, int which) {
  File* file = machine_.files().get(node);
  if (file == nullptr) {
    fuse_reply_err(request, ENOENT);
    return;
  }
  const bool changes = (which & (FUSE_SET_ATTR_MODE | FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)) != 0;
  if (changes && fuse_req_ctx(request)->uid != 0) {
    fuse_reply_err(request, EPERM);
    return;
  }
  file->mode = (which & FUSE_SET_ATTR_MODE) != 0 ? wanted.st_mode & 07777 : file->mode;
  file->owner = (which & FUSE_SET_ATTR_UID) != 0 ? wanted.st_uid : file->owner;
  file->group = (which & FUSE_SET_ATTR_GID) != 0 ? wanted.st_gid : file->group;
  do_getattr(request, node);
}

void Server::Session::do_access(fuse_req_t request, NodeId node, int mask) {
  const File* file = machine_.files().get(node);
  if (file == nullptr) {
    fuse_reply_err(request, ENOENT);
    return;
  }
  const uid_t user = fuse_req_ctx(request)->uid;
  const mode_t wanted = static_cast<mode_t>(mask) & 07;
  const mode_t granted = user == 0             ? 06 | ((file->mode & 0111) != 0 ? 01U : 0U)
                         : user == file->owner ? file->mode >> 6
                                               : file->mode;
  fuse_reply_err(request, (granted & wanted) == wanted ? 0 : EACCES);
}

void Server::Session::reply_open(fuse_req_t request, fuse_file_info* info, Handle handle) {
  info->fh = ++last_handle_;
  handles_.emplace(info->fh, std::move(handle));
  if (fuse_reply_open(request, info) != 0) {
    handles_.erase(info->fh);
  }
}

void Server::Session::do_open(fuse_req_t request, NodeId node, fuse_file_info* info) {
  const File* file = machine_.files().get(node);
  const int error =
      file == nullptr ? ENOENT : Kernfs::may_open(*file, info->flags, fuse_req_ctx(request)->uid);
  if (error != 0) {
    fuse_reply_err(request, error);
    return;
  }
  info->direct_io = 1;  // every write(2) arrives unsplit, and contents are not cached
  reply_open(request, info, {.node = node});
}

void Server::Session::do_opendir(fuse_req_t request, NodeId node, fuse_file_info* info) {
  const Kernfs& files = machine_.files();
  const File* directory = files.get(node);
  if (directory == nullptr) {
    fuse_reply_err(request, ENOENT);
    return;
  }
  Handle handle{.node = node};
  handle.entries = {{".", node, S_IFDIR}, {"..", std::max(directory->parent, Kernfs::root), S_IFDIR}};
  for (const auto& [name, child] : directory->children) {
    handle.entries.push_back({name, child, type_of(files.get(child)->kind)});
  }
  // Like sysfs, in no meaningful order.
  std::sort(handle.entries.begin() + 2, handle.entries.end(),
            [](const Handle::Entry& a, const Handle::Entry& b) {
              return std::hash<std::string>{}(a.name) < std::hash<std::string>{}(b.name);
            });
  reply_open(request, info, std::move(handle));
}

void Server::Session::do_read(fuse_req_t request, std::size_t size, off_t offset, Handle& handle) {
  if (offset == 0) {
    handle.reading = machine_.read(handle.node);
  }
  if (handle.reading.error != 0) {
    fuse_reply_err(request, handle.reading.error);
    return;
  }
  const std::string& text = handle.reading.text;
  const std::size_t from = std::min(static_cast<std::size_t>(offset), text.size());
  fuse_reply_buf(request, text.data() + from, std::min(size, text.size() - from));
}

void Server::Session::do_readdir(fuse_req_t request, std::size_t size, off_t offset, const Handle& handle) {
  std::string buffer(size, '\0');
  std::size_t used = 0;
  for (auto i = static_cast<std::size_t>(offset); i < handle.entries.size(); ++i) {
    struct stat status {};
    status.st_ino = handle.entries[i].node;
    status.st_mode = handle.entries[i].type;
    const std::size_t taken =
        fuse_add_direntry(request, buffer.data() + used, size - used, handle.entries[i].name.c_str(), &status,
                          static_cast<off_t>(i + 1));
    if (taken > size - used) {
      break;
    }
    used += taken;
  }
  fuse_reply_buf(request, buffer.data(), used);
}

void Server::Session::send_uevents() {
  for (const std::string& message : machine_.take_uevents()) {
    if (uevents_ != nullptr) {
      uevents_->send(message);
    }
  }
}

void Server::Session::do_write(fuse_req_t request, std::string_view data, const Handle& handle) {
  machine_.proceed(now());
  machine_.write(handle.node, data, [this, request](int result) {
    send_uevents();  // before the write returns, as in the kernel
    if (result < 0) {
      fuse_reply_err(request, -result);
    } else {
      fuse_reply_write(request, static_cast<std::size_t>(result));
    }
  });
}

// Operations that sysfs never supports fail with the errno of sysfs.
fuse_lowlevel_ops Server::Session::operations() {
  fuse_lowlevel_ops ops{};
  ops.lookup = [](fuse_req_t request, fuse_ino_t parent, const char* name) {
    of(request).do_lookup(request, parent, name);
  };
  ops.getattr = [](fuse_req_t request, fuse_ino_t node, fuse_file_info*) {
    of(request).do_getattr(request, node);
  };
  ops.setattr = [](fuse_req_t request, fuse_ino_t node, struct stat* wanted, int which, fuse_file_info*) {
    of(request).do_setattr(request, node, *wanted, which);
  };
  ops.access = [](fuse_req_t request, fuse_ino_t node, int mask) {
    of(request).do_access(request, node, mask);
  };
  ops.readlink = [](fuse_req_t request, fuse_ino_t node) {
    const File* file = of(request).machine_.files().get(node);
    if (file == nullptr) {
      fuse_reply_err(request, ENOENT);
    } else {
      fuse_reply_readlink(request, file->target.c_str());
    }
  };
  ops.open = [](fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
    of(request).do_open(request, node, info);
  };
  ops.opendir = [](fuse_req_t request, fuse_ino_t node, fuse_file_info* info) {
    of(request).do_opendir(request, node, info);
  };
  ops.read = [](fuse_req_t request, fuse_ino_t, std::size_t size, off_t offset, fuse_file_info* info) {
    of(request).do_read(request, size, offset, of(request).handles_.at(info->fh));
  };
  ops.readdir = [](fuse_req_t request, fuse_ino_t, std::size_t size, off_t offset, fuse_file_info* info) {
    do_readdir(request, size, offset, of(request).handles_.at(info->fh));
  };
  ops.write = [](fuse_req_t request, fuse_ino_t, const char* data, std::size_t size, off_t,
                 fuse_file_info* info) {
    of(request).do_write(request, {data, size}, of(request).handles_.at(info->fh));
  };
  ops.release = ops.releasedir = [](fuse_req_t request, fuse_ino_t, fuse_file_info* info) {
    of(request).handles_.erase(info->fh);
    fuse_reply_err(request, 0);
  };
  ops.create = [](fuse_req_t request, fuse_ino_t, const char*, mode_t, fuse_file_info*) {
    fuse_reply_err(request, EACCES);
  };
  ops.mknod = [](fuse_req_t request, fuse_ino_t, const char*, mode_t, dev_t) {
    fuse_reply_err(request, EPERM);
  };
  ops.mkdir = [](fuse_req_t request, fuse_ino_t, const char*, mode_t) { fuse_reply_err(request, EPERM); };
  ops.unlink =
      ops.rmdir = [](fuse_req_t request, fuse_ino_t, const char*) { fuse_reply_err(request, EPERM); };
  ops.symlink = [](fuse_req_t request, const char*, fuse_ino_t, const char*) {
    fuse_reply_err(request, EPERM);
  };
  ops.link = [](fuse_req_t request, fuse_ino_t, fuse_ino_t, const char*) { fuse_reply_err(request, EPERM); };
  ops.rename = [](fuse_req_t request, fuse_ino_t, const char*, fuse_ino_t, const char*, unsigned) {
    fuse_reply_err(request, EPERM);
  };
  return ops;
}

void Server::Session::mount(const std::string& directory) {
  const std::string doing = fmt::format("cannot mount the simulated files on '{}'", printable(directory));
  const fuse_lowlevel_ops ops = operations();
  char program[] = "mdevsim";
  char* words[] = {program};
  fuse_args arguments = FUSE_ARGS_INIT(1, words);
  fuse_set_log_func(store_message);
  session_ = fuse_session_new(&arguments, &ops, sizeof ops, this);
  fuse_opt_free_args(&arguments);
  if (session_ == nullptr) {
    throw Error(ExitCode::failed, fmt::format("{}: {}", doing, last_message));
  }
  sys::UniqueFd device = mount_fuse(directory).or_throw("{}", doing);
  mounted_ = directory;
  // The session takes over the descriptor of a path /dev/fd/N; it does not unmount what it did not mount.
  const int number = device.release();
  if (fuse_session_mount(session_, fmt::format("/dev/fd/{}", number).c_str()) != 0) {
    ::close(number);
    unmount();
    throw Error(ExitCode::failed, fmt::format("{}: {}", doing, last_message));
  }
}

void Server::Session::serve(int stop) {
  fuse_buf buffer{};
  while (fuse_session_exited(session_) == 0) {
    std::vector<pollfd> wait{{.fd = stop, .events = POLLIN, .revents = 0},
                             {.fd = fuse_session_fd(session_), .events = POLLIN, .revents = 0}};
    for (const std::string& name : machine_.awaited_nodes()) {
      wait.push_back({.fd = nodes_.wait_descriptor(name), .events = 0, .revents = 0});
    }
    const auto next = machine_.next();
    const Time patience = next ? std::max(*next - now(), Time{0}) : Time{-1};
    const int ready =
        ::poll(wait.data(), wait.size(), static_cast<int>(std::min(patience, Time{3600000}).count()));
    if (ready < 0 && errno != EINTR) {
      break;
    }
    machine_.proceed(now());
    send_uevents();
    if (ready > 0 && wait[0].revents != 0) {
      break;
    }
    if (ready > 0 && wait[1].revents != 0) {
      const int received = fuse_session_receive_buf(session_, &buffer);
      if (received == 0 || (received < 0 && received != -EINTR && received != -EAGAIN)) {
        break;
      }
      if (received > 0) {
        fuse_session_process_buf(session_, &buffer);
        send_uevents();
      }
    }
  }
  ::free(buffer.mem);  // NOLINT(cppcoreguidelines-no-malloc): libfuse allocated it
}

void Server::Session::unmount() {
  if (!mounted_.empty()) {
    ::umount2(std::exchange(mounted_, {}).c_str(), MNT_DETACH);
  }
  if (session_ != nullptr) {
    fuse_session_destroy(std::exchange(session_, nullptr));
  }
}

Server::Server(Machine& machine, const Ptys& nodes, const UeventSocket* uevents)
    : session_(std::make_unique<Session>(machine, nodes, uevents)) {}

Server::~Server() = default;

void Server::mount(const std::string& directory) {
  session_->mount(directory);
}

void Server::serve(int stop) {
  session_->serve(stop);
}

void Server::unmount() {
  session_->unmount();
}

}  // namespace mdevadm::sim
