#include "server/node/server_facts.h"

namespace server {
namespace {

std::string value_of(const std::vector<engine::ServerFact>& facts, const std::string& name) {
  for (const engine::ServerFact& fact : facts)
    if (fact.section + "/" + fact.name == name) return fact.value;
  return "not there";
}

TEST(ServerFacts, tell_of_the_process_its_files_and_its_disk) {
  SimulatedClock clock;
  clock.advance_us(90'000'000);
  const std::string data_dir = "/nowhere";
  const MemoryBudget memory(1 << 20);
  storage::TopicTable topics;
  MetadataImage image;
  image.catalog = std::make_shared<const engine::Catalog>();
  image.topics = topics.snapshot();
  const auto facts = server_facts({data_dir,
                                   clock,
                                   30'000'000,
                                   {{"shard 0", {10, 100, 1'500, 3'000}, 4'500}},
                                   7,
                                   3,
                                   4,
                                   image,
                                   memory});
  EXPECT_EQ(value_of(facts, "server/uptime seconds"), "60");
  EXPECT_EQ(value_of(facts, "server/shards"), "1");
  EXPECT_EQ(value_of(facts, "loops/shard 0 slice p99 ms"), "1.5");
  EXPECT_EQ(value_of(facts, "loops/shard 0 longest slice ms"), "4.5");
  EXPECT_EQ(value_of(facts, "log/partitions"), "7");
  EXPECT_EQ(value_of(facts, "memory/limit bytes"), "1048576");
  EXPECT_EQ(value_of(facts, "memory/COPY and transactions bytes"), "0");
  EXPECT_EQ(value_of(facts, "connections/kafka"), "4");
  EXPECT_EQ(value_of(facts, "metadata/queries"), "0");
  EXPECT_GT(std::stoll(value_of(facts, "memory/resident bytes")), 1'000'000);
  // What cannot be asked for is left out.
  EXPECT_EQ(value_of(facts, "disk/free bytes"), "not there");
}

}  // namespace
}  // namespace server
