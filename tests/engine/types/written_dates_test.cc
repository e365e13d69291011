#include "engine/types/written_dates.h"

#include <gtest/gtest.h>

#include <vector>

#include "engine/types/postgres_types.h"
#include "engine/types/zoned_texts.h"

namespace engine {
namespace {

// Returns the timestamptz of a written date, or the SQLSTATE if the date is invalid.
std::string read(std::string_view text, DateOrder order) {
  const SqlType type = SqlType(TypeKind::String).labelled(label::kExactTimestamptz);
  const auto kept = normalized_text_in({.date_order = order}, type, text);
  return kept ? *kept : std::string(sqlstate(kept.error().code));
}

struct DateText {
  std::string text;
  std::vector<std::string> as;  // results with MDY, DMY and YMD; one entry: the same for all
};
// The results are those of PostgreSQL 15, for MDY, DMY and YMD.
const DateText kDateTexts[] = {
    {"1/8/1999", {"1999-01-08 00:00:00+00", "1999-08-01 00:00:00+00", "22008"}},
    {"8/1/99", {"1999-08-01 00:00:00+00", "1999-01-08 00:00:00+00", "22008"}},
    {"1-8-99", {"1999-01-08 00:00:00+00", "1999-08-01 00:00:00+00", "22008"}},
    {"99-1-8", {"22008", "22008", "1999-01-08 00:00:00+00"}},
    {"13/2/2024", {"22008", "2024-02-13 00:00:00+00", "22008"}},
    {"2/13/2024", {"2024-02-13 00:00:00+00", "22008", "22008"}},
    {"1.2.2003", {"2003-01-02 00:00:00+00", "2003-02-01 00:00:00+00", "22008"}},
    {"01/02/03", {"2003-01-02 00:00:00+00", "2003-02-01 00:00:00+00", "2001-02-03 00:00:00+00"}},
    {"Jan 8, 1999", {"1999-01-08 00:00:00+00"}},
    {"January 8 99", {"1999-01-08 00:00:00+00", "1999-01-08 00:00:00+00", "22008"}},
    {"8 Jan 1999", {"1999-01-08 00:00:00+00"}},
    {"8-Jan-1999", {"1999-01-08 00:00:00+00"}},
    {"Jan-08-1999", {"1999-01-08 00:00:00+00"}},
    {"1999-Jan-08", {"1999-01-08 00:00:00+00"}},
    {"99-Jan-08", {"22008", "22008", "1999-01-08 00:00:00+00"}},
    {"08-Jan-99", {"1999-01-08 00:00:00+00", "1999-01-08 00:00:00+00", "22008"}},
    {"19990108", {"1999-01-08 00:00:00+00"}},
    {"990108", {"1999-01-08 00:00:00+00"}},
    {"20240701T100000", {"2024-07-01 10:00:00+00"}},
    {"20240701 1000", {"2024-07-01 10:00:00+00"}},
    {"1/8/1999 10:00", {"1999-01-08 10:00:00+00", "1999-08-01 10:00:00+00", "22008"}},
    {"1/8/1999 4:05:06 PM", {"1999-01-08 16:05:06+00", "1999-08-01 16:05:06+00", "22008"}},
    {"1/8/1999 12:30 am", {"1999-01-08 00:30:00+00", "1999-08-01 00:30:00+00", "22008"}},
    {"Mon Jul 01 10:00:00.5 2024", {"2024-07-01 10:00:00.5+00"}},
    {"Mon 01 Jul 10:00:00 2024 CEST", {"2024-07-01 08:00:00+00"}},
    {"01.07.2024 10:00:00 CET", {"2024-01-07 09:00:00+00", "2024-07-01 09:00:00+00", "22008"}},
    {"07/01/2024 10:00:00 -03", {"2024-07-01 13:00:00+00", "2024-01-07 13:00:00+00", "22008"}},
    {"07/01/2024 10:00:00+0530", {"2024-07-01 04:30:00+00", "2024-01-07 04:30:00+00", "22008"}},
    {"07/01/2024 10:00:00 +05:30:15",
     {"2024-07-01 04:29:45+00", "2024-01-07 04:29:45+00", "22008"}},
    {"3/15/44 BC", {"0044-03-15 00:00:00+00 BC", "22008", "22008"}},
    {"Mar 15 0044 BC", {"0044-03-15 00:00:00+00 BC"}},
    {"2024-07-01 10:00 EST", {"2024-07-01 15:00:00+00"}},
    {"2024-07-01 10:00 PM", {"2024-07-01 22:00:00+00"}},
    {"July 1, 2024", {"2024-07-01 00:00:00+00"}},
    {"1 2 2003", {"2003-01-02 00:00:00+00", "2003-02-01 00:00:00+00", "22008"}},
    {"2003 1 2", {"2003-01-02 00:00:00+00"}},
    {"30/02/2024", {"22008"}},
    {"02/30/2024", {"22008"}},
    {"0/1/2024", {"22008"}},
    {"1/0/2024", {"22008"}},
    {"1/1/0", {"2000-01-01 00:00:00+00", "2000-01-01 00:00:00+00", "22008"}},
    {"Jan 1999", {"22007"}},
    {"1/8", {"22007"}},
    {"nonsense", {"22007"}},
    {"1/8/1999 25:00", {"22008"}},
    {"12/31/12345", {"12345-12-31 00:00:00+00", "22008", "22008"}},
    {"Feb 29 2023", {"22008"}},
    {"1/2/3/4", {"22007"}},
    {"1//2", {"22007"}},
    {"--", {"22007"}},
    {"1/8/1999 13:00 pm", {"22008"}},
    {"2024-07-01T10:00:00 CEST", {"2024-07-01 08:00:00+00"}},
    {"May-1-2024", {"2024-05-01 00:00:00+00"}},
    {"mai 1 2024", {"22007"}},
    {"Sun Jul 01 2024", {"2024-07-01 00:00:00+00"}},
    {"8 1 1999 Jan", {"22007"}},
    {"10:00 Jan 8 1999", {"1999-01-08 10:00:00+00"}},
    {"10:00 1/8/1999", {"22007"}},  // only a time zone may precede a date of this form
    {"Mon 1/8/1999", {"22007"}},
    {"1/8/1999 24:00:00", {"1999-01-09 00:00:00+00", "1999-08-02 00:00:00+00", "22008"}},
    {"8 Jan 1999 24:01", {"22008"}},
    {"8 Jan 1999 10:60", {"22008"}},
    {"8 Jan 1999 10:00 +16", {"22008"}},
    {"8 Jan 1999 10:00 PM+02",
     {"22007"}},  // PostgreSQL reads this as ten in the morning in a zone called PM
    {"8 Jan 1999 10:00:00.1234565", {"1999-01-08 10:00:00.123456+00"}}};

TEST(WrittenDates, are_read_in_the_order_of_the_session) {
  for (const DateText& row : kDateTexts) {
    EXPECT_EQ(read(row.text, DateOrder::Mdy), row.as.front()) << row.text;
    EXPECT_EQ(read(row.text, DateOrder::Dmy), row.as[row.as.size() > 1 ? 1 : 0]) << row.text;
    EXPECT_EQ(read(row.text, DateOrder::Ymd), row.as.back()) << row.text;
  }
}

TEST(WrittenDates, in_iso_form_are_left_alone) {
  for (const char* text :
       {"2024-07-01", " 2024-07-01 10:00", "2024-07-01T10:00:00.5Z", "2024-07-01 10:00 UTC",
        "12024-01-01", "0044-03-15 BC", "2024-07-01 10:00:00+05:30", "infinity", "epoch", ""}) {
    const auto iso = iso_of_written(text, DateOrder::Dmy);
    EXPECT_TRUE(iso && !*iso) << text;
  }
}

TEST(WrittenDates, another_order_is_advised_where_it_may_help) {
  EXPECT_EQ(iso_of_written("13/2/2024", DateOrder::Mdy).error().hint,
            "Write '2024-02-13', or use SET datestyle = 'ISO, DMY'.");
  EXPECT_EQ(iso_of_written("31.12.2024 10:00", DateOrder::Mdy).error().hint,
            "Write '2024-12-31 10:00', or use SET datestyle = 'ISO, DMY'.");
  EXPECT_EQ(iso_of_written("31.13.2024", DateOrder::Mdy).error().hint, "");
  EXPECT_EQ(iso_of_written("2/30/2024", DateOrder::Mdy).error().hint, "");
  EXPECT_EQ(iso_of_written("2/30/2024", DateOrder::Mdy).error().message,
            "date/time field value out of range: \"2/30/2024\"");
  EXPECT_EQ(iso_of_written("1/2/2024 24:01", DateOrder::Mdy).error().message,
            "date/time field value out of range: \"1/2/2024 24:01\"");
  EXPECT_EQ(iso_of_written("1/2/2024 10:00 +16", DateOrder::Mdy).error().message,
            "time zone displacement out of range: \"1/2/2024 10:00 +16\"");
}

}  // namespace
}  // namespace engine
