#include "dump/bytes.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#include "dump/escape.h"
#include "dump_fixtures.h"

using namespace divlens;
using namespace divlens::test;

TEST_CASE("a file is read at any offset", "[bytes]") {
  const TempDir dir;
  const auto file = openFile(dir.write("a b\xC3\xA9.bin", "0123456789"));
  CHECK(file->size() == 10);
  std::string out(4, ' ');
  file->read(3, std::as_writable_bytes(std::span(out)));
  CHECK(out == "3456");
  file->read(10, {});
}

TEST_CASE("a file that shrinks is reported, not read past", "[bytes]") {
  const TempDir dir;
  const std::string path = dir.write("a.bin", "0123456789");
  const auto file = openFile(path);
  std::filesystem::resize_file(path, 5);
  std::string out(4, ' ');
  const auto read = [&] { file->read(3, std::as_writable_bytes(std::span(out))); };
  CHECK_THAT(failure(Exit::BadInput, read), ContainsSubstring("changed while reading") && ContainsSubstring(path));
  const auto far = [&] { file->read(~uint64_t{0}, std::as_writable_bytes(std::span(out))); };
  CHECK_THAT(failure(Exit::BadInput, far), ContainsSubstring("changed while reading"));
}

TEST_CASE("only regular files are opened", "[bytes]") {
  const TempDir dir;
  const auto message = [](const std::string& path) { return failure(Exit::BadInput, [&] { openFile(path); }); };
  CHECK_THAT(message(dir.write("empty", "")), ContainsSubstring("empty file"));
  CHECK_THAT(message(dir.path(".")), ContainsSubstring("is a directory"));
  CHECK_THAT(message(dir.path("missing")), ContainsSubstring("No such file or directory"));
  CHECK_THAT(message("/dev/null"), ContainsSubstring("is a device"));
  CHECK_THAT(message(std::string("a\0b", 3)), ContainsSubstring("NUL"));
  CHECK_THAT(message(std::string(5000, 'a')), ContainsSubstring("name too long"));

  REQUIRE(::mkfifo(dir.path("fifo").c_str(), 0600) == 0);
  CHECK_THAT(message(dir.path("fifo")), ContainsSubstring("is a FIFO"));

  std::filesystem::create_symlink(dir.path("nowhere"), dir.path("dangling"));
  CHECK_THAT(message(dir.path("dangling")), ContainsSubstring("No such file or directory"));

  const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  const std::string path = dir.path("socket");
  REQUIRE(path.size() < sizeof address.sun_path);
  std::memcpy(address.sun_path, path.c_str(), path.size() + 1);
  REQUIRE(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address) == 0);
  CHECK_THAT(message(path), ContainsSubstring("is a socket"));
  ::close(socket);

  const std::string secret = dir.write("secret", "x");
  std::filesystem::permissions(secret, std::filesystem::perms::none);
  if (::geteuid() != 0) CHECK_THAT(message(secret), ContainsSubstring("Permission denied"));
}

TEST_CASE("a block in memory keeps to its bounds", "[bytes]") {
  const auto bytes = memoryBytes("block", std::vector<std::byte>(8, std::byte{7}));
  std::vector<std::byte> out(4);
  bytes->read(4, out);
  CHECK(out.back() == std::byte{7});
  CHECK_THAT(failure(Exit::BadInput, [&] { bytes->read(5, out); }), ContainsSubstring("block"));
  CHECK_THAT(failure(Exit::BadInput, [&] { bytes->read(~uint64_t{0}, out); }), ContainsSubstring("block"));
}

TEST_CASE("messages hold only what can be printed", "[bytes]") {
  CHECK(escaped("plain é 日本 🙂") == "plain é 日本 🙂");
  CHECK(escaped("a\n\t\x1b[31m") == "a\\x0A\\x09\\x1B[31m");
  CHECK(escaped(std::string_view("\0", 1)) == "\\x00");
  CHECK(escaped("\xff\xc3") == "\\xFF\\xC3");           // not UTF-8
  CHECK(escaped("\xed\xa0\x80") == "\\xED\\xA0\\x80");  // a surrogate
  CHECK(escaped("\xc0\xaf") == "\\xC0\\xAF");           // overlong
  CHECK(escaped("\xe2\x80\xae"
                "x") == "\\xE2\\x80\\xAEx");  // right-to-left override
  CHECK(escaped(std::string(1000, 'x')) == std::string(80, 'x') + "…");
  CHECK(escaped("日本", 1) == "日…");
  CHECK(invalidUtf8("ab\xff") == 2);
  CHECK(invalidUtf8("日本") == std::string_view::npos);
  CHECK(invalidUtf8("日本\xe6\x97") == 6);
}
