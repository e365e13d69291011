#include "client/user_folder.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace client {
namespace {

// Lowers the limit on the size of files, which cuts write() as a full disk does.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) {
    getrlimit(RLIMIT_FSIZE, &before_);
    handler_ = std::signal(SIGXFSZ, SIG_IGN);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int) = nullptr;
};

// On a nearly full disk, write() writes a part of the text and reports no error.
TEST(UserFolder, a_file_that_is_written_in_part_is_an_error_with_its_reason) {
  const std::string folder = testing::TempDir() + "user_folder_test";
  std::filesystem::create_directories(folder);
  const std::string path = folder + "/contexts.json";
  ASSERT_TRUE(write_private_file(path, "before"));
  {
    const FileSizeLimit limit(10);
    const Status written = write_private_file(path, std::string(100, 'x'));
    ASSERT_FALSE(written);
    EXPECT_EQ(written.error().message, "cannot write " + path + ": File too large");
  }
  std::ifstream file(path);
  EXPECT_EQ(std::string(std::istreambuf_iterator<char>(file), {}), "before");
  EXPECT_EQ(std::distance(std::filesystem::directory_iterator(folder), {}), 1);
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace client
