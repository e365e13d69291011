#include "engine/types/zoned_texts.h"

#include <gtest/gtest.h>

#include "engine/types/postgres_texts.h"
#include "engine/types/postgres_types.h"

namespace engine {
namespace {

class HalfPastFive final : public ZoneClock {
 public:
  int64_t east_ms(int64_t) const override { return 330 * 60'000; }
  int64_t instant_ms(int64_t clock_ms) const override { return clock_ms - 330 * 60'000; }
  std::string abbreviation(int64_t) const override { return "+0530"; }
};
const HalfPastFive kZone;
const TextForms kForms{.zone = std::make_shared<HalfPastFive>()};

SqlType labelled(PostgresLabel label) { return SqlType(TypeKind::String).labelled(label); }

TEST(ZonedTexts, a_zone_is_found_behind_a_clock_only) {
  for (const char* text : {"2024-07-01 12:00+02", "2024-07-01T12:00:00Z", "2024-07-01 12:00 UTC",
                           "2024-02-29 +00", "2024-07-01 12:00:00.5-03:30"})
    EXPECT_TRUE(says_zone(text)) << text;
  for (const char* text : {"2024-07-01", "2024-07-01 12:00", "2024-07-01T12", "0044-03-15 BC",
                           "12024-01-01 10:00", "infinity", "  2024-07-01", ""})
    EXPECT_FALSE(says_zone(text)) << text;
}

TEST(ZonedTexts, texts_without_a_zone_are_read_in_it_and_shown_in_it) {
  const SqlType type = labelled(label::kExactTimestamptz);
  EXPECT_EQ(*normalized_text_in(kForms, type, "2024-07-01 12:00:00.000001"),
            "2024-07-01 06:30:00.000001+00");
  EXPECT_EQ(*normalized_text_in(kForms, type, "2024-07-01 12:00Z"), "2024-07-01 12:00:00+00");
  EXPECT_EQ(shown_text_in(kForms, type, "2024-07-01 06:30:00.000001+00"),
            "2024-07-01 12:00:00.000001+05:30");
  EXPECT_EQ(shown_text_in(kForms, type, "infinity"), "infinity");
  EXPECT_EQ(shown_text_in(kForms, type, "0044-03-14 18:30:00+00 BC"),
            "0044-03-15 00:00:00+05:30 BC");
  EXPECT_FALSE(normalized_text_in(kForms, type, "nonsense"));
}

TEST(ZonedTexts, so_are_the_bounds_of_ranges) {
  const SqlType range = labelled(label::kTstzRange), ranges = labelled(label::kTstzMultirange);
  const auto kept = normalized_text_in(kForms, range, "[2024-07-01 12:00,)");
  EXPECT_EQ(*kept, "[\"2024-07-01 06:30:00+00\",)");
  EXPECT_EQ(shown_text_in(kForms, range, *kept), "[\"2024-07-01 12:00:00+05:30\",)");
  EXPECT_EQ(shown_text_in(kForms, range, "empty"), "empty");
  const auto many = normalized_text_in(kForms, ranges, "{[2024-07-01 12:00,2024-07-02)}");
  EXPECT_EQ(*many, "{[\"2024-07-01 06:30:00+00\",\"2024-07-01 18:30:00+00\")}");
  EXPECT_EQ(shown_text_in(kForms, ranges, *many),
            "{[\"2024-07-01 12:00:00+05:30\",\"2024-07-02 00:00:00+05:30\")}");
  EXPECT_FALSE(normalized_text_in(kForms, range, "[nonsense"));
  EXPECT_FALSE(normalized_text_in(kForms, ranges, "{[nonsense"));
}

TEST(ZonedTexts, others_stay_as_they_are) {
  EXPECT_EQ(*normalized_text_in(kForms, labelled(label::kExactTimestamp), "2024-07-01 12:00"),
            "2024-07-01 12:00:00");
  EXPECT_EQ(shown_text_in(kForms, labelled(label::kTsRange), "empty"), "empty");
  EXPECT_EQ(shown_text_in({}, labelled(label::kExactTimestamptz), "x"), "x");
  EXPECT_EQ(clock_us_of_instant(&kZone, kInfinityUs), kInfinityUs);
  std::string offset;
  append_zone_offset(offset, -(3 * 3600 + 25 * 60 + 45) * 1000);
  EXPECT_EQ(offset, "-03:25:45");
}

}  // namespace
}  // namespace engine
