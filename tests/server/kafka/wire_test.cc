#include "server/kafka/wire.h"

using namespace server::kafka;

namespace {

std::string bytes(std::initializer_list<int> values) {
  std::string text;
  for (const int value : values) text += static_cast<char>(value);
  return text;
}

std::vector<int8_t> read_array(std::string_view from, bool is_flexible, bool& ok) {
  WireReader in(from, is_flexible);
  std::vector<int8_t> items;
  in.array(items, [&](int8_t& item) { item = in.number<int8_t>(); });
  ok = in.ok();
  return items;
}

}  // namespace

TEST(Wire, a_text_has_two_bytes_of_length_or_a_varint_of_length_plus_one) {
  const std::string old = bytes({0, 2, 'h', 'i'}), flexible = bytes({3, 'h', 'i'});
  EXPECT_EQ(WireReader(old, false).string(), "hi");
  EXPECT_EQ(WireReader(flexible, true).string(), "hi");
  std::string out;
  WireWriter(out, false).string("hi");
  WireWriter(out, true).string("hi");
  EXPECT_EQ(out, old + flexible);
}

TEST(Wire, null_is_minus_one_or_zero_and_refused_where_it_is_not_allowed) {
  const std::string old = bytes({0xff, 0xff}), flexible = bytes({0});
  EXPECT_EQ(WireReader(old, false).nullable_string(true), std::nullopt);
  EXPECT_EQ(WireReader(flexible, true).nullable_string(true), std::nullopt);
  WireReader strict(flexible, true);
  EXPECT_EQ(strict.string(), "");
  EXPECT_FALSE(strict.ok());
  std::string out;
  WireWriter(out, false).nullable_string(std::nullopt, true);
  WireWriter(out, true).nullable_string(std::nullopt, true);
  WireWriter(out, true).nullable_string(std::nullopt, false);
  EXPECT_EQ(out, old + flexible + bytes({1}));
}

TEST(Wire, a_length_beyond_the_bytes_is_refused_before_anything_is_allocated) {
  bool ok = true;
  EXPECT_TRUE(read_array(bytes({0x7f, 0xff, 0xff, 0xff, 1, 2}), false, ok).empty());
  EXPECT_FALSE(ok);
  EXPECT_TRUE(
      read_array(bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 7}), true, ok)
          .empty());
  EXPECT_FALSE(ok);
  const std::string below_zero = bytes({0x80, 0, 0, 0, 1});
  WireReader negative(below_zero, false);
  EXPECT_EQ(negative.bytes(), "");
  EXPECT_FALSE(negative.ok());
}

TEST(Wire, the_arrays_of_one_message_share_a_limit) {
  std::string many;
  append_be<int32_t>(many, static_cast<int32_t>(kMaxElements - 1));
  many.append(kMaxElements - 1, '\1');
  const size_t one = many.size();
  append_be<int32_t>(many, 2);
  many += "ab";
  WireReader in(many, false);
  std::vector<int8_t> items;
  const auto read_item = [&](int8_t& item) { item = in.number<int8_t>(); };
  in.array(items, read_item);
  EXPECT_TRUE(in.ok());
  EXPECT_EQ(in.rest().size(), many.size() - one);
  in.array(items, read_item);
  EXPECT_FALSE(in.ok());
}

TEST(Wire, unknown_tagged_fields_are_skipped_and_known_ones_must_fill_their_size) {
  const std::string two = bytes({2, 5, 1, 'x', 7, 2, 0, 9});
  int16_t seven = 0;
  const auto read = [&](uint64_t tag, WireReader& field) {
    if (tag != 7) return false;
    seven = field.number<int16_t>();
    return true;
  };
  WireReader in(two, true);
  in.tagged_fields(read);
  EXPECT_TRUE(in.ok() && in.at_end());
  EXPECT_EQ(seven, 9);
  const std::string three_bytes = bytes({1, 7, 3, 0, 9, 0});
  WireReader longer(three_bytes, true);
  longer.tagged_fields(read);
  EXPECT_FALSE(longer.ok());
  const std::string count_of_all = bytes({0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1});
  WireReader endless(count_of_all, true);
  endless.skip_tagged_fields();
  EXPECT_FALSE(endless.ok());
}
