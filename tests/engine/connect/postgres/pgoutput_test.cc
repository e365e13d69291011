// The bytes were sent by PostgreSQL 15 for a table t (id INT PRIMARY KEY, v TEXT STORAGE EXTERNAL, n NUMERIC(6, 2)).
#include "engine/connect/postgres/pgoutput.h"

#include <gtest/gtest.h>

namespace engine {
namespace {

std::string bytes_of(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  std::string bytes;
  for (size_t i = 0; i + 1 < hex.size(); i += 2)
    bytes += static_cast<char>(digit(hex[i]) * 16 + digit(hex[i + 1]));
  return bytes;
}

template <class T>
T read(const std::string& bytes) {
  auto message = parse_pgoutput(bytes);
  EXPECT_TRUE(message) << message.error().message;
  EXPECT_TRUE(std::holds_alternative<T>(*message));
  return std::get<T>(*message);
}

using State = PgCell::State;

TEST(Pgoutput, ATransactionHasTheLsnAndTheTimeOfItsCommit) {
  const auto begin = read<PgBegin>(bytes_of("4200000000015392c000030482d76b61af000002d7"));
  EXPECT_EQ(pg_lsn_text(begin.commit_lsn), "0/15392C0");
  EXPECT_EQ(begin.xid, 727U);
  const auto commit =
      read<PgCommit>(bytes_of("430000000000015392c000000000015392f000030482d76b61af"));
  EXPECT_EQ(commit.commit_lsn, begin.commit_lsn);
  EXPECT_EQ(pg_lsn_text(commit.end_lsn), "0/15392F0");
  EXPECT_EQ(commit.commit_us, begin.commit_us);
  // 30 November 2026
  EXPECT_EQ(begin.commit_us / 86'400'000'000, 20'787);
}

TEST(Pgoutput, ARelationHasItsColumnsAndItsIdentity) {
  const auto relation = read<PgRelation>(bytes_of(
      "52000040007075626c69630074006400030169640000000017ffffffff00760000000019ffffffff006e"
      "00000006a400060006"));
  EXPECT_EQ(relation.schema, "public");
  EXPECT_EQ(relation.name, "t");
  EXPECT_EQ(relation.identity, 'd');
  ASSERT_EQ(relation.columns.size(), 3U);
  EXPECT_TRUE(relation.columns[0].is_identity);
  EXPECT_FALSE(relation.columns[1].is_identity);
  EXPECT_EQ(relation.columns[2].name, "n");
  EXPECT_EQ(relation.columns[2].modifier, 0x60006);  // numeric(6,2)
}

TEST(Pgoutput, AnInsertHasTextsAndNulls) {
  const std::string bytes = bytes_of("49000040004e000374000000013174000000037878786e");
  const auto insert = read<PgInsert>(bytes);
  EXPECT_EQ(insert.relation, 0x4000U);
  ASSERT_EQ(insert.after.size(), 3U);
  EXPECT_EQ(insert.after[0].text, "1");
  EXPECT_EQ(insert.after[1].text, "xxx");
  EXPECT_EQ(insert.after[2].state, State::Null);
}

TEST(Pgoutput, AnUpdateDoesNotSendALargeValueThatStays) {
  const std::string bytes = bytes_of("55000040004e0003740000000131757400000004312e3530");
  const auto update = read<PgUpdate>(bytes);
  EXPECT_EQ(update.has_before, PgOldRow::None);
  EXPECT_EQ(update.after[1].state, State::Unsent);
  EXPECT_EQ(update.after[2].text, "1.50");
}

TEST(Pgoutput, AChangedKeySendsTheOldOne) {
  const std::string bytes =
      bytes_of("55000040004b00037400000001316e6e4e0003740000000132757400000004312e3530");
  const auto update = read<PgUpdate>(bytes);
  EXPECT_EQ(update.has_before, PgOldRow::Key);
  EXPECT_EQ(update.before[0].text, "1");
  EXPECT_EQ(update.before[1].state, State::Null);
  EXPECT_EQ(update.after[0].text, "2");
}

TEST(Pgoutput, ATruncateNamesItsTables) {
  EXPECT_EQ(read<PgTruncate>(bytes_of("54000000010000004000")).relations,
            std::vector<uint32_t>{0x4000});
}

TEST(Pgoutput, BytesThatEndEarlyAreNoMessage) {
  const std::string whole = bytes_of("49000040004e000374000000013174000000037878786e");
  for (size_t size = 0; size < whole.size(); ++size)
    EXPECT_EQ(parse_pgoutput(whole.substr(0, size)).error().code, ErrorCode::CorruptRecord) << size;
  EXPECT_FALSE(parse_pgoutput(whole + "x"));
  EXPECT_FALSE(parse_pgoutput("Z"));
}

TEST(Pgoutput, AnLsnIsReadAsItIsPrinted) {
  EXPECT_EQ(parse_pg_lsn("16/B374D848").value(), 0x16B374D848U);
  EXPECT_EQ(pg_lsn_text(0x16B374D848U), "16/B374D848");
  EXPECT_FALSE(parse_pg_lsn("16"));
  EXPECT_FALSE(parse_pg_lsn("16/x"));
}

}  // namespace
}  // namespace engine
