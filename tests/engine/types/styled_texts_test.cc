#include "engine/types/styled_texts.h"

#include <gtest/gtest.h>

namespace engine {
namespace {

// The texts of PostgreSQL 15 in each DateStyle: ISO; SQL with MDY (and YMD); SQL with DMY; Postgres
// with both; German.
struct DateRow {
  const char *iso, *sql, *sql_dmy, *postgres, *postgres_dmy, *german;
};
const DateRow kDates[] = {
    {"2024-07-01", "07/01/2024", "01/07/2024", "07-01-2024", "01-07-2024", "01.07.2024"},
    {"0044-03-15 BC", "03/15/0044 BC", "15/03/0044 BC", "03-15-0044 BC", "15-03-0044 BC",
     "15.03.0044 BC"},
    {"12024-01-31", "01/31/12024", "31/01/12024", "01-31-12024", "31-01-12024", "31.01.12024"},
    {"infinity", "infinity", "infinity", "infinity", "infinity", "infinity"},
    {"2024-02-29 10:00:00.5", "02/29/2024 10:00:00.5", "29/02/2024 10:00:00.5",
     "Thu Feb 29 10:00:00.5 2024", "Thu 29 Feb 10:00:00.5 2024", "29.02.2024 10:00:00.5"},
    {"0001-12-31 23:59:59.999999 BC", "12/31/0001 23:59:59.999999 BC",
     "31/12/0001 23:59:59.999999 BC", "Sun Dec 31 23:59:59.999999 0001 BC",
     "Sun 31 Dec 23:59:59.999999 0001 BC", "31.12.0001 23:59:59.999999 BC"},
    {"-infinity", "-infinity", "-infinity", "-infinity", "-infinity", "-infinity"},
};

TEST(StyledTexts, dates_follow_style_and_order) {
  const auto shown = [](DateStyle style, DateOrder order, const char* iso) {
    return in_date_style({.date_style = style, .date_order = order}, iso);
  };
  for (const DateRow& row : kDates) {
    EXPECT_EQ(shown(DateStyle::Iso, DateOrder::Dmy, row.iso), row.iso);
    for (const DateOrder order : {DateOrder::Mdy, DateOrder::Ymd}) {
      EXPECT_EQ(shown(DateStyle::Sql, order, row.iso), row.sql);
      EXPECT_EQ(shown(DateStyle::Postgres, order, row.iso), row.postgres);
    }
    EXPECT_EQ(shown(DateStyle::Sql, DateOrder::Dmy, row.iso), row.sql_dmy);
    EXPECT_EQ(shown(DateStyle::Postgres, DateOrder::Dmy, row.iso), row.postgres_dmy);
    for (const DateOrder order : {DateOrder::Mdy, DateOrder::Dmy, DateOrder::Ymd})
      EXPECT_EQ(shown(DateStyle::German, order, row.iso), row.german);
  }
}

TEST(StyledTexts, zones_have_their_names_but_in_iso) {
  const char* at = "2024-07-01 10:00:00+02";
  const auto shown = [&](DateStyle style) {
    return in_date_style({.date_style = style}, at, "CEST");
  };
  EXPECT_EQ(shown(DateStyle::Iso), at);
  EXPECT_EQ(shown(DateStyle::Sql), "07/01/2024 10:00:00 CEST");
  EXPECT_EQ(shown(DateStyle::Postgres), "Mon Jul 01 10:00:00 2024 CEST");
  EXPECT_EQ(shown(DateStyle::German), "01.07.2024 10:00:00 CEST");
  EXPECT_EQ(in_date_style({.date_style = DateStyle::Sql}, "0044-03-15 00:00:00+00 BC", "UTC"),
            "03/15/0044 00:00:00 UTC BC");
}

struct IntervalRow {
  const char *postgres, *verbose, *standard, *iso;
};
const IntervalRow kIntervals[] = {
    {"1 year 2 mons 3 days 04:05:06.7", "@ 1 year 2 mons 3 days 4 hours 5 mins 6.7 secs",
     "+1-2 +3 +4:05:06.7", "P1Y2M3DT4H5M6.7S"},
    {"-1 years -2 mons +3 days -04:05:06", "@ 1 year 2 mons -3 days 4 hours 5 mins 6 secs ago",
     "-1-2 +3 -4:05:06", "P-1Y-2M3DT-4H-5M-6S"},
    {"00:00:00", "@ 0", "0", "PT0S"},
    {"1 day", "@ 1 day", "1 0:00:00", "P1D"},
    {"-1 days", "@ 1 day ago", "-1 0:00:00", "P-1D"},
    {"00:00:01", "@ 1 sec", "0:00:01", "PT1S"},
    {"-00:00:01", "@ 1 sec ago", "-0:00:01", "PT-1S"},
    {"-00:00:00.5", "@ 0.5 secs ago", "-0:00:00.5", "PT-0.5S"},
    {"1 mon", "@ 1 mon", "0-1", "P1M"},
    {"-1 mons", "@ 1 mon ago", "-0-1", "P-1M"},
    {"02:03:00", "@ 2 hours 3 mins", "2:03:00", "PT2H3M"},
    {"-02:03:00", "@ 2 hours 3 mins ago", "-2:03:00", "PT-2H-3M"},
    {"1 day -00:00:01", "@ 1 day -1 sec", "+0-0 +1 -0:00:01", "P1DT-1S"},
    {"-1 days +00:00:01.5", "@ 1 day -1.5 secs ago", "+0-0 -1 +0:00:01.5", "P-1DT1.5S"},
    {"1 year 1 day", "@ 1 year 1 day", "+1-0 +1 +0:00:00", "P1Y1D"},
    {"1 year -1 days", "@ 1 year -1 days", "+1-0 -1 +0:00:00", "P1Y-1D"},
    {"100:00:00", "@ 100 hours", "100:00:00", "PT100H"},
    {"00:00:00.000001", "@ 0.000001 secs", "0:00:00.000001", "PT0.000001S"},
    {"3 days 01:00:00", "@ 3 days 1 hour", "3 1:00:00", "P3DT1H"},
    {"-3 days -01:00:00.25", "@ 3 days 1 hour 0.25 secs ago", "-3 1:00:00.25", "P-3DT-1H-0.25S"},
};

TEST(StyledTexts, intervals_have_four_styles_and_are_read_in_each) {
  for (const IntervalRow& row : kIntervals) {
    const Interval interval = *parse_interval(row.postgres);
    EXPECT_EQ(in_interval_style(IntervalStyle::Postgres, interval), row.postgres);
    EXPECT_EQ(in_interval_style(IntervalStyle::PostgresVerbose, interval), row.verbose);
    EXPECT_EQ(in_interval_style(IntervalStyle::SqlStandard, interval), row.standard);
    EXPECT_EQ(in_interval_style(IntervalStyle::Iso8601, interval), row.iso);
    for (const auto& [text, style] : {std::pair(row.verbose, IntervalStyle::PostgresVerbose),
                                      std::pair(row.standard, IntervalStyle::SqlStandard),
                                      std::pair(row.iso, IntervalStyle::Iso8601)}) {
      const auto read = parse_interval(text, style);
      EXPECT_EQ(read ? interval_text(*read) : read.error().message, row.postgres) << text;
    }
  }
}

TEST(StyledTexts, the_first_sign_counts_for_all_in_the_standard) {
  EXPECT_EQ(interval_text(*parse_interval("-1 2:03", IntervalStyle::SqlStandard)),
            "-1 days -02:03:00");
  EXPECT_EQ(interval_text(*parse_interval("-1 2:03")), "-1 days +02:03:00");
  EXPECT_EQ(interval_text(*parse_interval("-1 +2:03", IntervalStyle::SqlStandard)),
            "-1 days +02:03:00");
  EXPECT_EQ(interval_text(*parse_interval("-1\t+2:03", IntervalStyle::SqlStandard)),
            "-1 days +02:03:00");
  EXPECT_EQ(interval_text(*parse_interval("@ -1 2:03", IntervalStyle::SqlStandard)),
            "-1 days -02:03:00");
}

TEST(StyledTexts, the_settings_are_read_as_postgresql_reads_them) {
  const auto read = [](std::string_view words, TextForms forms = {}) {
    const Status status = read_date_style(words, forms);
    return status ? date_style_text(forms) : status.error().detail;
  };
  EXPECT_EQ(read("iso"), "ISO, MDY");
  EXPECT_EQ(read("SQL,DMY"), "SQL, DMY");
  EXPECT_EQ(read("german"), "German, DMY");
  EXPECT_EQ(read("German, MDY"), "German, MDY");
  EXPECT_EQ(read("mdy, German"), "German, MDY");
  EXPECT_EQ(read("PostgreSQL"), "Postgres, MDY");
  EXPECT_EQ(read("euROpean"), "ISO, DMY");
  const TextForms sql_dmy{.date_style = DateStyle::Sql, .date_order = DateOrder::Dmy};
  EXPECT_EQ(read("postgres", sql_dmy), "Postgres, DMY");
  EXPECT_EQ(read("US", sql_dmy), "SQL, MDY");
  EXPECT_EQ(read("", sql_dmy), "SQL, DMY");
  EXPECT_EQ(read("default", sql_dmy), "ISO, MDY");
  EXPECT_EQ(read("ISO, German"), "Conflicting \"datestyle\" specifications.");
  EXPECT_EQ(read("dmy, mdy"), "Conflicting \"datestyle\" specifications.");
  EXPECT_EQ(read("nonsense"), "Unrecognized key word: \"nonsense\".");
  EXPECT_EQ(read(" ", sql_dmy), "SQL, DMY");
  for (const char* words : {"iso,", ",iso", "iso,,dmy", "iso dmy"})
    EXPECT_EQ(read(words), "List syntax is invalid.") << words;
}

}  // namespace
}  // namespace engine
