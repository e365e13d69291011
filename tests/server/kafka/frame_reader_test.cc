#include "server/kafka/frame_reader.h"

using namespace server::kafka;
using namespace std::string_literals;

TEST(FrameReader, frames_come_out_whole_however_the_bytes_arrive) {
  const std::string sent = "\0\0\0\3one\0\0\0\0\0\0\0\2ab"s;
  FrameReader frames;
  std::vector<std::string> got;
  for (const char byte : sent) {
    frames.receive({&byte, 1});
    while (auto frame = frames.next().value()) got.push_back(*frame);
  }
  EXPECT_EQ(got, (std::vector<std::string>{"one", "", "ab"}));
  EXPECT_EQ(frames.buffered_bytes(), 0u);

  frames.receive(sent);
  EXPECT_EQ(frames.next().value(), "one");
  EXPECT_EQ(frames.next().value(), "");
  EXPECT_EQ(frames.next().value(), "ab");
  EXPECT_EQ(frames.next().value(), std::nullopt);
}

TEST(FrameReader, a_size_that_is_negative_or_too_large_is_an_error) {
  for (const std::string& size : {"\xff\xff\xff\xff"s, "\0\0\0\x9"s, "GET "s}) {
    FrameReader frames(8);
    frames.receive(size);
    const auto next = frames.next();
    ASSERT_FALSE(next);
    EXPECT_EQ(next.error().code, ErrorCode::ProtocolViolation);
  }
}
