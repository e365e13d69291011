#include "server/cluster/node_frames.h"

#include <gtest/gtest.h>

#include <cstring>
#include <string>
#include <vector>

#include "base/bytes.h"
#include "base/random.h"

namespace server {
namespace {

std::string framed(std::string_view body) {
  std::string frame;
  append_be(frame, static_cast<int32_t>(body.size()));
  return frame.append(body);
}

TEST(NodeFrames, frames_of_all_sizes_are_assembled_from_any_pieces) {
  Random random(7);
  const auto below = [&](size_t n) { return static_cast<size_t>(random.next() % n); };
  for (const bool is_trusted : {false, true}) {
    std::vector<std::string> sent;
    std::string stream;
    for (int i = 0; i < 60; ++i) {
      std::string body(below(3) == 0 ? 60'000 + below(200'000) : below(300), ' ');
      for (char& each : body) each = static_cast<char>(random.next());
      stream += framed(body);
      sent.push_back(std::move(body));
    }
    NodeFrames frames(1 << 20);
    if (is_trusted) frames.trust();
    size_t come = 0;
    std::vector<std::pair<size_t, NodeFrames::Frame>> kept;
    for (std::string_view rest = stream; !rest.empty();) {
      const size_t size = std::min(rest.size(), 1 + below(below(2) == 0 ? 100 : 100'000));
      const std::span<char> room = frames.room();
      const bool is_in_place = !room.empty() && below(2) == 0;
      const size_t taken = is_in_place ? std::min(size, room.size()) : size;
      if (is_in_place) std::memcpy(room.data(), rest.data(), taken);
      frames.receive(is_in_place ? std::string_view(room.data(), taken) : rest.substr(0, taken));
      rest.remove_prefix(taken);
      while (true) {
        const auto frame = frames.next();
        ASSERT_TRUE(frame);
        if (!*frame) break;
        ASSERT_LT(come, sent.size());
        EXPECT_TRUE((*frame)->bytes == sent[come]) << come;
        if ((*frame)->keeper) kept.emplace_back(come, **frame);
        ++come;
      }
      frames.tidy();
    }
    EXPECT_EQ(come, sent.size());
    EXPECT_EQ(kept.empty(), !is_trusted);
    for (const auto& [which, frame] : kept) EXPECT_TRUE(frame.bytes == sent[which]) << which;
  }
}

TEST(NodeFrames, a_peer_that_has_not_greeted_gets_no_memory_for_a_claimed_size) {
  NodeFrames frames(size_t{100} << 20);
  std::string size;
  append_be(size, int32_t{90 << 20});
  frames.receive(size);
  ASSERT_TRUE(frames.next());
  EXPECT_TRUE(frames.room().empty());
}

TEST(NodeFrames, a_size_beyond_the_limit_is_refused) {
  for (const int32_t size : {-1, 1'001}) {
    NodeFrames frames(1'000);
    frames.trust();
    std::string bytes;
    append_be(bytes, size);
    frames.receive(bytes);
    EXPECT_FALSE(frames.next()) << size;
  }
}

}  // namespace
}  // namespace server
