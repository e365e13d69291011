// Tests valid and invalid TZif files.
#include "engine/java/zone_file.h"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace engine {
namespace {

std::string number(uint64_t value, size_t size) {
  std::string bytes;
  for (size_t i = size; i-- > 0;) bytes += static_cast<char>(value >> (8 * i) & 0xff);
  return bytes;
}

struct Kind {
  int32_t east_s;
  bool is_daylight;
  uint8_t name;
};

std::string block(const std::vector<std::pair<int64_t, uint8_t>>& transitions,
                  const std::vector<Kind>& kinds, const std::string& letters, size_t time_size) {
  std::string bytes = "TZif2" + std::string(15, '\0');
  for (const size_t count :
       {size_t{0}, size_t{0}, size_t{0}, transitions.size(), kinds.size(), letters.size()})
    bytes += number(count, 4);
  for (const auto& [at, kind] : transitions) bytes += number(static_cast<uint64_t>(at), time_size);
  for (const auto& [at, kind] : transitions) bytes += static_cast<char>(kind);
  for (const Kind& kind : kinds)
    bytes += number(static_cast<uint32_t>(kind.east_s), 4) + static_cast<char>(kind.is_daylight) +
             static_cast<char>(kind.name);
  return bytes + letters;
}

std::string file(const std::vector<std::pair<int64_t, uint8_t>>& transitions,
                 const std::string& footer) {
  const std::string letters("LMT\0CET\0CEST\0", 13);
  return block({}, {{0, false, 0}}, std::string("UTC\0", 4), 4) +
         block(transitions, {{3208, false, 0}, {3600, false, 4}, {7200, true, 8}}, letters, 8) +
         "\n" + footer + "\n";
}

constexpr int64_t kMarch2024 = 1'711'846'800;    // 2024-03-31 01:00 UTC
constexpr int64_t kOctober2024 = 1'729'990'800;  // 2024-10-27 01:00 UTC

TEST(ZoneFile, GivesLocalTimesBeforeBetweenAndAfterItsTransitions) {
  const auto zone = ZoneFile::parse(
      file({{-2'422'054'408, 1}, {1'000, 2}, {2'000, 1}}, "CET-1CEST,M3.5.0,M10.5.0/3"));
  ASSERT_TRUE(zone);
  EXPECT_EQ(zone->at(-3'000'000'000).east_s, 3208);
  EXPECT_EQ(zone->at(-3'000'000'000).name, "LMT");
  EXPECT_EQ(zone->at(999).name, "CET");
  EXPECT_EQ(zone->at(1'000).name, "CEST");
  EXPECT_TRUE(zone->at(1'999).is_daylight);
  EXPECT_EQ(zone->at(2'000).east_s, 3600);
  EXPECT_EQ(zone->at(kMarch2024 - 1).east_s, 3600);
  EXPECT_EQ(zone->at(kMarch2024).east_s, 7200);
  EXPECT_EQ(zone->at(kOctober2024 - 1).name, "CEST");
  EXPECT_EQ(zone->at(kOctober2024).name, "CET");
  EXPECT_EQ(zone->at(32'503'680'000).east_s, 3600);  // in January 3000
}

TEST(ZoneFile, ReadsYearlyRulesOfAllKinds) {
  const auto at = [](const std::string& footer, int64_t when) {
    const auto zone = ZoneFile::parse(file({}, footer));
    return zone ? zone->at(when).east_s : -1;
  };
  constexpr int64_t kJanuary = 1'704'110'400, kJuly = 1'720'000'000;  // both in 2024
  EXPECT_EQ(at("<-03>3", kJuly), -10'800);
  EXPECT_EQ(at("<+0545>-5:45", kJuly), 20'700);
  // January is summer in the southern hemisphere
  EXPECT_EQ(at("AEST-10AEDT,M10.1.0,M4.1.0/3", kJanuary), 39'600);
  EXPECT_EQ(at("AEST-10AEDT,M10.1.0,M4.1.0/3", kJuly), 36'000);
  // Ireland's standard time is in summer
  EXPECT_EQ(at("IST-1GMT0,M10.5.0,M3.5.0/1", kJanuary), 0);
  EXPECT_EQ(at("EST5EDT,J60,J300", 1'709'280'000), -14'400);    // 1 March, also in a leap year
  EXPECT_EQ(at("EST5EDT,59/0,300/0", 1'709'190'000), -14'400);  // the 60th day: 29 February
  EXPECT_EQ(at("EST5EDT,0/0,J365/25", kJanuary), -14'400);      // daylight time lasts all year
  // the change is on Saturday
  EXPECT_EQ(at("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", kMarch2024 - 1), -7'200);
  EXPECT_EQ(at("<-02>2<-01>,M3.5.0/-1,M10.5.0/0", kMarch2024), -3'600);
}

TEST(ZoneFile, RefusesInvalidFiles) {
  const std::string whole = file({{1'000, 2}, {2'000, 1}}, "CET-1CEST,M3.5.0,M10.5.0/3");
  ASSERT_TRUE(ZoneFile::parse(whole));
  const size_t footer = whole.find('\n');
  for (size_t size = 0; size < footer; ++size)
    EXPECT_FALSE(ZoneFile::parse(std::string_view(whole).substr(0, size))) << size;
  for (size_t at = 0; at < whole.size(); ++at)
    for (const char byte : {'\0', '\x7f', '\xff'}) {
      std::string other = whole;
      other[at] = byte;
      if (const auto zone = ZoneFile::parse(other)) std::ignore = zone->at(kMarch2024);
    }
  for (const char* bad : {"CET", "CET-1CEST", "CET-1CEST,M3.5.0", "CET-1CEST,M13.5.0,M1.1.0",
                          "CET-1CEST,M3.6.0,M1.1.0", "<CET-1", "CET-1CEST,M3.5.0,M10.5.0/3x"})
    EXPECT_FALSE(ZoneFile::parse(file({}, bad))) << bad;
  // the transitions are not in order
  EXPECT_FALSE(ZoneFile::parse(file({{2'000, 1}, {1'000, 1}}, "")));
  EXPECT_FALSE(ZoneFile::parse(file({{1'000, 3}}, "")));  // the kind 3 does not exist
  EXPECT_FALSE(ZoneFile::find("../../../etc/passwd"));
  EXPECT_FALSE(ZoneFile::find("/etc/passwd"));
  EXPECT_FALSE(ZoneFile::find("No/Such"));
}

}  // namespace
}  // namespace engine
