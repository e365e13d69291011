#include "base/bytes.h"
#include "base/result.h"
#include "base/suggest.h"
#include "base/uuid.h"

namespace {

Result<int> halve(int number) {
  if (number % 2 != 0) return Error{ErrorCode::OutOfRange, "number is odd"};
  return number / 2;
}
Result<int> quarter(int number) { return TRY(halve(number)) / 2; }

TEST(Result, try_hands_the_error_to_the_caller) {
  EXPECT_EQ(quarter(8).value(), 2);
  ASSERT_FALSE(quarter(7));
  EXPECT_EQ(quarter(7).error().message, "number is odd");
}

TEST(Errors, each_code_has_a_sqlstate_of_five_characters) {
  for (size_t i = 0; i < static_cast<size_t>(ErrorCode::kCount); ++i)
    EXPECT_EQ(sqlstate(static_cast<ErrorCode>(i)).size(), 5u) << i;
}

TEST(ByteReader, a_short_message_is_noticed_once_and_stays_an_error) {
  std::string message;
  append_be<int32_t>(message, 7);
  append_varint(message, zigzag(-300));
  ByteReader whole(message);
  EXPECT_EQ(whole.be<int32_t>(), 7);
  EXPECT_EQ(whole.signed_varint(), -300);
  EXPECT_TRUE(whole.ok() && whole.at_end());

  ByteReader cut(std::string_view(message).substr(0, 5));
  EXPECT_EQ(cut.be<int32_t>(), 7);
  EXPECT_EQ(cut.signed_varint(), 0);
  EXPECT_FALSE(cut.ok());
  EXPECT_EQ(cut.be<int8_t>(), 0);
}

TEST(Suggest, a_mistyped_name_finds_its_neighbour_and_a_strange_one_finds_none) {
  const std::string names[] = {"CITY", "AMOUNT", "ID"};
  EXPECT_EQ(closest_name("citty", names), "CITY");
  EXPECT_EQ(closest_name("amuont", names), "AMOUNT");
  EXPECT_EQ(closest_name("COL0", std::vector<std::string>{"col0"}), "`col0`");
  EXPECT_EQ(nearest_name("COL0", std::vector<std::string>{"col0"}), "col0");
  EXPECT_EQ(did_you_mean("TOPIC", std::vector<std::string>{"topic"}, {}, "--"),
            "Did you mean --topic?");
  EXPECT_EQ(did_you_mean("TOPIC", std::vector<std::string>{"topic"}), "Did you mean `topic`?");
  EXPECT_EQ(closest_name("temperature", names), "");
  EXPECT_EQ(did_you_mean("citty", names), "Did you mean CITY?");
  EXPECT_EQ(did_you_mean("citty", names, "", "--"), "Did you mean --CITY?");
  EXPECT_EQ(did_you_mean("temperature", names, "SHOW lists the names."), "SHOW lists the names.");
  EXPECT_EQ(edit_distance("SELEC", "SELECT"), 1u);
}

TEST(Uuid, prints_version_four) {
  const std::string text = Uuid::random().to_string();
  EXPECT_EQ(text.size(), 36u);
  EXPECT_EQ(text[14], '4');
}

}  // namespace
