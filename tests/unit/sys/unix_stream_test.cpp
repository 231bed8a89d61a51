#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>
#include <cerrno>
#include <cstring>
#include <mdevadm/sys/unix_stream.hpp>

#include "catch.hpp"
#include "tree.hpp"

using namespace mdevadm;
using sys::UnixStream;
using namespace std::chrono_literals;

namespace {

std::chrono::steady_clock::time_point soon() {
  return std::chrono::steady_clock::now() + 50ms;
}

sys::UniqueFd listen_at(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  sys::UniqueFd fd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
  REQUIRE(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  REQUIRE(::listen(fd.get(), 1) == 0);
  return fd;
}

}  // namespace

TEST_CASE("UnixStream::connect reports what is wrong with the socket") {
  const test::TempDir temp;
  CHECK(UnixStream::connect(temp.str() + "/none").error().number == ENOENT);
  test::write_text(temp.path() / "file", "");
  CHECK(UnixStream::connect(temp.str() + "/file").error().number == ENOTSOCK);
  CHECK(UnixStream::connect("/" + std::string(200, 'x')).error().number == ENAMETOOLONG);
  listen_at(temp.str() + "/closed").reset();
  CHECK(UnixStream::connect(temp.str() + "/closed").error().number == ECONNREFUSED);
}

TEST_CASE("UnixStream exchanges lines, and reports the deadline and the end of the connection") {
  const test::TempDir temp;
  const sys::UniqueFd server = listen_at(temp.str() + "/socket");
  auto stream = UnixStream::connect(temp.str() + "/socket");
  REQUIRE(stream);
  sys::UniqueFd peer(::accept(server.get(), nullptr, nullptr));
  REQUIRE(stream->send("question\n", soon()));
  char buffer[32] = {};
  CHECK(::read(peer.get(), buffer, sizeof buffer) == 9);
  CHECK(::write(peer.get(), "one\ntw", 6) == 6);
  CHECK(*stream->receive_line(soon()) == "one");
  CHECK(stream->receive_line(soon()).error().number == ETIMEDOUT);
  CHECK(::write(peer.get(), "o\n", 2) == 2);
  CHECK(*stream->receive_line(soon()) == "two");
  CHECK(stream->send(std::string(std::size_t{8} << 20U, 'x'), soon()).error().number == ETIMEDOUT);
  peer.reset();
  CHECK(stream->receive_line(soon()).error().number == EPIPE);
  CHECK(stream->send("x", soon()).error().number == EPIPE);
}
