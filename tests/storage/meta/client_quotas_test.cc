#include "storage/meta/client_quotas.h"

using namespace storage;

namespace {

const QuotaEntity kShop{{"client-id", "shop"}}, kEverybody{{"client-id", std::nullopt}};

ClientQuotas applied(const ClientQuotas& quotas, const std::vector<QuotaChange>& changes) {
  return apply_quota_changes(quotas, encode_quota_changes(changes)).value();
}

}  // namespace

TEST(ClientQuotas, are_set_changed_and_removed) {
  ClientQuotas quotas = applied({}, {{kShop, "producer_byte_rate", 1024},
                                     {kShop, "consumer_byte_rate", 2048.5},
                                     {kEverybody, "producer_byte_rate", 1}});
  EXPECT_EQ(quotas.size(), 2u);
  EXPECT_EQ(quotas[kShop]["consumer_byte_rate"], 2048.5);
  quotas = applied(quotas, {{kShop, "producer_byte_rate", 5},
                            {kEverybody, "producer_byte_rate", std::nullopt},
                            {{{"user", "ann"}}, "producer_byte_rate", std::nullopt}});
  EXPECT_EQ(quotas.size(), 1u) << "what has none is gone";
  EXPECT_EQ(quotas[kShop]["producer_byte_rate"], 5);
}

TEST(ClientQuotas, a_whole_state_restores_itself_from_nothing) {
  const ClientQuotas quotas = applied(
      {}, {{kShop, "producer_byte_rate", 0.1}, {{{"user", "a"}, {"client-id", "b"}}, "x", 1e300}});
  EXPECT_EQ(apply_quota_changes({}, encode_quotas(quotas)).value(), quotas);
  EXPECT_EQ(apply_quota_changes({}, encode_quotas({})).value(), ClientQuotas{});
}

TEST(ClientQuotas, damaged_and_newer_changes_are_refused) {
  const std::string part = encode_quota_changes({{kShop, "producer_byte_rate", 1024}});
  for (size_t size = 0; size < part.size(); ++size)
    EXPECT_FALSE(apply_quota_changes({}, part.substr(0, size))) << size;
  EXPECT_FALSE(apply_quota_changes({}, part + "x"));
  std::string newer = part;
  newer[0] = 2;
  EXPECT_EQ(apply_quota_changes({}, newer).error().code, ErrorCode::IncompatibleFormat);
}

TEST(ClientQuotas, are_not_for_very_many) {
  ClientQuotas quotas;
  for (int i = 0; i < 10'000; ++i) quotas[{{"user", std::to_string(i)}}]["x"] = 1;
  EXPECT_EQ(apply_quota_changes(quotas, encode_quota_changes({{kShop, "x", 1}})).error().code,
            ErrorCode::LimitExceeded);
}
