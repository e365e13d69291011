#include "records/compression.h"

#include <snappy.h>

#include "base/bytes.h"
#include "records/decompressor.h"

namespace records {
namespace {

class EachCodec : public testing::TestWithParam<Codec> {};
INSTANTIATE_TEST_SUITE_P(Compression, EachCodec,
                         testing::Values(Codec::None, Codec::Gzip, Codec::Snappy, Codec::Lz4,
                                         Codec::Zstd));

std::string sample(size_t size) {
  std::string text;
  while (text.size() < size) text += "record " + std::to_string(text.size() * 7919 % 1000) + ",";
  text.resize(size);
  return text;
}

TEST_P(EachCodec, decompression_restores_the_input) {
  for (const size_t size : {size_t{1}, size_t{100}, size_t{300'000}}) {
    const std::string text = sample(size);
    std::string packed, unpacked;
    ASSERT_TRUE(compress(GetParam(), text, packed));
    ASSERT_TRUE(decompress(GetParam(), packed, size, unpacked)) << size;
    EXPECT_EQ(unpacked, text);
  }
}

TEST_P(EachCodec, output_above_the_limit_is_refused) {
  std::string packed, unpacked;
  ASSERT_TRUE(compress(GetParam(), std::string(10 << 20, 'x'), packed));
  const Status bomb = decompress(GetParam(), packed, 1 << 20, unpacked);
  ASSERT_FALSE(bomb);
  EXPECT_EQ(bomb.error().code, ErrorCode::RecordTooLarge);
  EXPECT_LE(unpacked.capacity(), size_t{3} << 20);
}

// The result depends neither on how much a step processes, nor on whether the input has moved in
// memory.
TEST_P(EachCodec, steps_give_the_same_as_one_piece_and_each_is_bounded) {
  constexpr size_t kStep = 100'000, kBlock = 64 << 10;
  const std::string text = sample(1'000'000);
  std::string packed;
  ASSERT_TRUE(compress(GetParam(), text, packed));
  Decompressor decompressor(GetParam(), text.size());
  size_t before = 0, steps = 0;
  for (bool is_complete = false; !is_complete; ++steps) {
    const std::string moved = packed;
    const Result<bool> step = decompressor.step(moved, kStep);
    ASSERT_TRUE(step);
    is_complete = *step;
    // Snappy without framing is one block, which is decoded in a single step.
    if (GetParam() != Codec::Snappy) {
      EXPECT_LE(decompressor.bytes().size() - before, kStep + kBlock);
    }
    before = decompressor.bytes().size();
  }
  EXPECT_EQ(decompressor.bytes(), text);
  if (GetParam() != Codec::Snappy) {
    EXPECT_GE(steps, 5u);
  }
}

TEST_P(EachCodec, cut_input_is_refused) {
  if (GetParam() == Codec::None) return;
  std::string packed, unpacked;
  ASSERT_TRUE(compress(GetParam(), sample(5000), packed));
  for (size_t size = 0; size < packed.size(); size += 17)
    EXPECT_FALSE(decompress(GetParam(), packed.substr(0, size), 1 << 20, unpacked)) << size;
}

TEST_P(EachCodec, flipped_bits_never_do_worse_than_an_error) {
  std::string packed, unpacked;
  ASSERT_TRUE(compress(GetParam(), sample(2000), packed));
  for (size_t i = 0; i < packed.size(); ++i) {
    std::string damaged = packed;
    damaged[i] = static_cast<char>(damaged[i] ^ (1 << (i % 8)));
    const Status any = decompress(GetParam(), damaged, 1 << 20, unpacked);
    EXPECT_TRUE(!any || unpacked.size() <= size_t{1} << 20);
  }
}

TEST(Snappy, javas_stream_of_blocks_is_read_too) {
  const std::string text = sample(80'000);
  std::string stream("\x82SNAPPY\0", 8);
  append_be<int32_t>(stream, 1);
  append_be<int32_t>(stream, 1);
  for (size_t at = 0; at < text.size(); at += 32 << 10) {
    std::string block;
    const std::string_view part = std::string_view(text).substr(at, 32 << 10);
    snappy::Compress(part.data(), part.size(), &block);
    append_be(stream, static_cast<int32_t>(block.size()));
    stream += block;
  }
  std::string unpacked;
  ASSERT_TRUE(decompress(Codec::Snappy, stream, 1 << 20, unpacked));
  EXPECT_EQ(unpacked, text);

  std::string lying = stream.substr(0, 16);
  append_be<int32_t>(lying, INT32_MAX);
  EXPECT_FALSE(decompress(Codec::Snappy, lying, 1 << 20, unpacked));
  append_be<int32_t>(lying = stream.substr(0, 16), -5);
  EXPECT_FALSE(decompress(Codec::Snappy, lying, 1 << 20, unpacked));
}

TEST(Zstd, frames_may_follow_each_other) {
  std::string first, second, unpacked;
  ASSERT_TRUE(compress(Codec::Zstd, "one ", first));
  ASSERT_TRUE(compress(Codec::Zstd, "two", second));
  ASSERT_TRUE(decompress(Codec::Zstd, first + second, 100, unpacked));
  EXPECT_EQ(unpacked, "one two");
}

}  // namespace
}  // namespace records
