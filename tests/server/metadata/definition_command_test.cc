#include "server/metadata/definition_command.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace server {
namespace {

DefinitionCommand command() {
  DefinitionCommand command;
  command.sql = "CREATE TABLE t AS SELECT id, COUNT(*) FROM s GROUP BY id";
  command.properties = {{"auto.offset.reset", "latest"}, {"empty", ""}};
  command.exchange_ids = {Uuid::random(), Uuid::random()};
  command.starts = {{Uuid::random(), PartitionId(0), Offset(0)},
                    {Uuid::random(), PartitionId(3), Offset(INT64_MAX)}};
  return command;
}

TEST(DefinitionCommand, comes_back_as_it_was) {
  for (const DefinitionCommand& one : {command(), DefinitionCommand{}}) {
    const auto back = decode_definition(encode_definition(one));
    ASSERT_TRUE(back) << back.error().message;
    EXPECT_EQ(*back, one);
  }
}

TEST(DefinitionCommand, that_is_cut_or_too_long_is_refused) {
  const std::string bytes = encode_definition(command());
  for (size_t size = 0; size < bytes.size(); ++size) {
    const auto cut = decode_definition(std::string_view(bytes).substr(0, size));
    ASSERT_FALSE(cut) << size << " bytes";
    EXPECT_EQ(cut.error().code, ErrorCode::StorageFailure);
  }
  EXPECT_FALSE(decode_definition(bytes + '\0'));
}

TEST(DefinitionCommand, of_a_newer_version_is_told_from_damage) {
  std::string bytes = encode_definition(command());
  bytes[0] = 2;
  EXPECT_EQ(decode_definition(bytes).error().code, ErrorCode::IncompatibleFormat);
}

TEST(DefinitionCommand, damaged_bytes_do_no_harm) {
  Random random(1);
  const std::string good = encode_definition(command());
  for (int round = 0; round < 1000; ++round) {
    std::string bytes = good;
    for (int flips = 0; flips < 4; ++flips)
      bytes[random.next() % bytes.size()] = static_cast<char>(random.next());
    (void)decode_definition(bytes);
  }
}

}  // namespace
}  // namespace server
