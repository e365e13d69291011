// Tests that connectors cannot read or write files outside their folder.
#include "server/connect/files/folder.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace server {
namespace {

class FolderTest : public testing::Test {
 protected:
  FolderTest() {
    std::string pattern = (std::filesystem::temp_directory_path() / "folder-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    std::filesystem::create_directories(root_ / "inside/sub");
    std::ofstream(root_ / "outside.txt") << "outside";
    std::ofstream(root_ / "inside/sub/file.txt") << "inside";
    std::filesystem::create_symlink(root_ / "outside.txt", root_ / "inside/link");
    std::filesystem::create_directory_symlink(root_, root_ / "inside/up");
    folder_ = Folder::open((root_ / "inside").string()).value();
  }
  ~FolderTest() override { std::filesystem::remove_all(root_); }

  std::filesystem::path root_;
  std::unique_ptr<Folder> folder_;
};

TEST_F(FolderTest, files_below_it_are_read_by_relative_and_absolute_paths) {
  EXPECT_EQ(folder_->read_small("sub/file.txt", 100).value(), "inside");
  EXPECT_EQ(folder_->read_small("./sub//file.txt", 100).value(), "inside");
  EXPECT_EQ(folder_->read_small(folder_->path() + "/sub/file.txt", 100).value(), "inside");
}

TEST_F(FolderTest, no_path_leads_out_of_it) {
  for (const std::string path :
       {"../outside.txt", "sub/../../outside.txt", "/etc/passwd", "link", "up/outside.txt",
        "up/inside/sub/file.txt", "sub/file.txt/..", "", "sub"})
    EXPECT_FALSE(folder_->open_file(path)) << path;
  EXPECT_FALSE(folder_->open_file(folder_->path() + "x/file"));
  EXPECT_FALSE(folder_->open_file(std::string_view("sub/file.txt\0x", 14)));
  EXPECT_FALSE(folder_->create_file("up/new.txt"));
  EXPECT_FALSE(folder_->make_directories("up/new"));
  EXPECT_FALSE(folder_->rename("sub/file.txt", "up/moved.txt"));
  EXPECT_EQ(folder_->read_small("sub/file.txt", 100).value(), "inside");
}

TEST_F(FolderTest, errors_name_the_path_and_the_reason) {
  EXPECT_EQ(folder_->open_file("sub/none").error().message, "sub/none does not exist");
  EXPECT_EQ(folder_->open_file("sub/none").error().code, ErrorCode::UndefinedObject);
  EXPECT_EQ(folder_->open_file("link").error().message,
            "link is a symbolic link, or is reached through one");
  EXPECT_EQ(folder_->open_file("sub").error().message, "sub is not a regular file");
}

TEST_F(FolderTest, lists_regular_files_in_order) {
  std::ofstream(root_ / "inside/b") << "b";
  std::ofstream(root_ / "inside/a") << "a";
  EXPECT_EQ(folder_->list(".").value(), (std::vector<std::string>{"a", "b"}));
  ASSERT_TRUE(folder_->make_directories("done/now"));
  ASSERT_TRUE(folder_->rename("a", "done/now/a"));
  ASSERT_TRUE(folder_->remove("b"));
  ASSERT_TRUE(folder_->remove("b"));
  EXPECT_EQ(folder_->list(".").value(), std::vector<std::string>());
  EXPECT_EQ(folder_->list("done/now").value(), std::vector<std::string>{"a"});
}

}  // namespace
}  // namespace server
