#include "server/kafka/frame_reader.h"

using namespace server::kafka;
using namespace std::string_literals;

TEST(FrameReader, frames_come_out_whole_however_the_bytes_arrive) {
  const std::string sent = "\0\0\0\3one\0\0\0\0\0\0\0\2ab"s;
  FrameReader frames;
  std::vector<std::string> got;
  for (const char byte : sent) {
    frames.receive({&byte, 1});
    while (auto frame = frames.next().value()) got.emplace_back(*frame);
  }
  EXPECT_EQ(got, (std::vector<std::string>{"one", "", "ab"}));
  EXPECT_EQ(frames.buffered_bytes(), 0u);

  frames.receive(sent);
  EXPECT_EQ(frames.next().value(), "one");
  EXPECT_EQ(frames.next().value(), "");
  EXPECT_EQ(frames.next().value(), "ab");
  EXPECT_EQ(frames.next().value(), std::nullopt);
}

TEST(FrameReader, a_large_frame_arrives_in_pieces_and_its_room_is_given_back) {
  const std::string body(1'000'000, 'x');
  FrameReader frames;
  frames.receive("\x00\x0f\x42\x40"s);
  for (size_t at = 0; at < body.size(); at += 50'000) {
    EXPECT_EQ(frames.next().value(), std::nullopt);
    frames.receive(std::string_view(body).substr(at, 50'000));
  }
  frames.receive("\0\0\0\1y"s);
  EXPECT_EQ(frames.next().value(), body);
  EXPECT_EQ(frames.buffered_bytes(), 5u);
  EXPECT_EQ(frames.next().value(), "y");
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
