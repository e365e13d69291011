// Tests quotas of clients: how they are described, changed, and enforced.
#include "server/kafka/wire_errors.h"
#include "tests/server/kafka/session_fixture.h"

using namespace server::kafka;

namespace {

class ClientQuotasTest : public SessionTest {
 protected:
  using Entity = std::vector<AlterClientQuotasRequest::Entry::Part>;

  AlterClientQuotasResponse::Entry alter(const Entity& entity, const std::string& key, double value,
                                         bool remove = false) {
    AlterClientQuotasRequest request;
    request.entries = {{.entity = entity, .ops = {{key, value, remove}}}};
    return ask<AlterClientQuotasResponse>(request, 1).entries.at(0);
  }
  std::vector<DescribeClientQuotasResponse::Entry> describe(
      std::vector<DescribeClientQuotasRequest::Component> components, bool strict = false) {
    const auto told = ask<DescribeClientQuotasResponse>(
        DescribeClientQuotasRequest{std::move(components), strict}, 1);
    EXPECT_EQ(told.error_code, KafkaError::None);
    return told.entries.value_or(std::vector<DescribeClientQuotasResponse::Entry>{});
  }

  // Sends a request as a client with this id, whose quotas are enforced.
  template <class Request>
  void send_as(const std::string& client_id, const Request& request, int16_t version) {
    std::string bytes;
    append_request(bytes,
                   {.api_version = version, .correlation_id = ++last_id, .client_id = client_id},
                   request);
    watched.receive(bytes);
    watched.run();
  }
  template <class Response>
  std::optional<Response> answer(int16_t version) {
    output = watched.take_output();
    if (output.empty()) return std::nullopt;
    return decode_response<Response>(std::string_view(output).substr(8), version).value();
  }

  std::string output;
  QuotaRates rates;
  Session watched{backend, *this, clock, node, {}, {nullptr, nullptr, nullptr, nullptr, &rates}};
};

const std::vector<AlterClientQuotasRequest::Entry::Part> kShop = {{"client-id", "shop"}};

}  // namespace

TEST_F(ClientQuotasTest, are_stored_and_found_by_their_entity) {
  EXPECT_EQ(alter(kShop, "producer_byte_rate", 1024).error_code, KafkaError::None);
  EXPECT_EQ(alter({{"client-id", std::nullopt}}, "consumer_byte_rate", 99).error_code,
            KafkaError::None);
  EXPECT_EQ(alter({{"user", "ann"}, {"client-id", "shop"}}, "request_percentage", 12.5).error_code,
            KafkaError::None);
  EXPECT_EQ(describe({}).size(), 3u);
  EXPECT_EQ(describe({{"client-id", 0, "shop"}}).size(), 2u);
  EXPECT_EQ(describe({{"client-id", 0, "shop"}}, true).size(), 1u);
  EXPECT_EQ(describe({{"client-id", 1, std::nullopt}}).at(0).values.at(0).value, 99);
  EXPECT_EQ(describe({{"client-id", 2, std::nullopt}}).size(), 3u);
  EXPECT_EQ(describe({{"user", 0, "ann"}}).at(0).values.at(0).value, 12.5);
  EXPECT_EQ(alter(kShop, "producer_byte_rate", 0, true).error_code, KafkaError::None);
  EXPECT_EQ(describe({{"client-id", 0, "shop"}}, true).size(), 0u);
}

TEST_F(ClientQuotasTest, an_invalid_quota_is_refused) {
  for (const auto& [entity, key, value] : std::vector<std::tuple<Entity, std::string, double>>{
           {{}, "producer_byte_rate", 1},
           {{{"team", "a"}}, "producer_byte_rate", 1},
           {{{"user", ""}}, "producer_byte_rate", 1},
           {kShop, "speed", 1},
           {kShop, "producer_byte_rate", 0},
           {kShop, "producer_byte_rate", 1.5},
           {kShop, "connection_creation_rate", 1},
           {{{"ip", "::1"}}, "producer_byte_rate", 1}})
    EXPECT_EQ(alter(entity, key, value).error_code, KafkaError::InvalidRequest) << key << value;
  AlterClientQuotasRequest dry;
  dry.entries = {{.entity = kShop, .ops = {{"producer_byte_rate", 1, false}}}};
  dry.validate_only = true;
  EXPECT_EQ(ask<AlterClientQuotasResponse>(dry, 1).entries.at(0).error_code, KafkaError::None);
  EXPECT_TRUE(describe({}).empty());
  DescribeClientQuotasRequest request;
  request.components = {{"team", 0, "a"}};
  EXPECT_EQ(ask<DescribeClientQuotasResponse>(request, 1).error_code, kUnsupportedVersion);
  request.components = {{"user", 0, "a"}, {"user", 0, "b"}};
  EXPECT_EQ(ask<DescribeClientQuotasResponse>(request, 1).error_code, KafkaError::InvalidRequest);
}

TEST_F(ClientQuotasTest, a_producer_that_is_too_fast_is_throttled_and_muted) {
  create_topic("t");
  alter(kShop, "producer_byte_rate", 1000);
  const std::string large = batch(std::string(20'000, 'x'));
  send_as("other", produce("t", large), 7);
  EXPECT_EQ(answer<ProduceResponse>(7)->throttle_time_ms, 0);
  send_as("shop", produce("t", large), 7);
  const auto stored = answer<ProduceResponse>(7);
  ASSERT_TRUE(stored) << "it is stored and answered at once";
  EXPECT_EQ(stored->responses.at(0).partition_responses.at(0).error_code, KafkaError::None);
  EXPECT_NEAR(stored->throttle_time_ms, 10'000, 200) << "2000 bytes a second instead of 1000";
  // Until the delay is over, no other request of the connection is processed.
  EXPECT_FALSE(watched.wants_input());
  send_as("shop", MetadataRequest{}, 4);
  EXPECT_FALSE(answer<MetadataResponse>(4));
  ASSERT_TRUE(watched.deadline_us());
  clock.advance_us(*watched.deadline_us() - clock.monotonic_us());
  watched.run();
  EXPECT_TRUE(answer<MetadataResponse>(4));
  EXPECT_TRUE(watched.wants_input());
  EXPECT_FALSE(watched.deadline_us());
}

TEST_F(ClientQuotasTest, a_consumer_that_is_too_fast_gets_its_records_later) {
  create_topic("t");
  alter({{"client-id", std::nullopt}}, "consumer_byte_rate", 1000);
  for (int i = 0; i < 3; ++i)
    EXPECT_EQ(produce_error(produce("t", batch(std::string(6'000, 'x')))), KafkaError::None);
  FetchRequest request = fetch("t", 0);
  request.max_bytes = 1 << 20;
  const auto fetched = [&](int64_t offset) {
    request.topics[0].partitions[0].fetch_offset = offset;
    send_as("shop", request, 11);
    return answer<FetchResponse>(11);
  };
  const auto first = fetched(0);
  EXPECT_EQ(first->throttle_time_ms, 0);
  EXPECT_LT(first->responses.at(0).partitions.at(0).records->size_bytes(), 10'000u)
      << "no more than the window lets pass";
  const auto second = fetched(1);
  EXPECT_GT(second->throttle_time_ms, 1'000);
  EXPECT_TRUE(second->responses.empty());
  EXPECT_FALSE(fetched(1)) << "it is muted";
  int64_t waited_us = 0;
  std::optional<FetchResponse> later;
  while (!later || later->responses.empty()) {
    const int64_t step_us =
        std::max<int64_t>(1000, watched.deadline_us().value_or(0) - clock.monotonic_us());
    clock.advance_us(step_us);
    waited_us += step_us;
    watched.run();
    later = answer<FetchResponse>(11);
    if (!later) later = fetched(1);
    ASSERT_LT(waited_us, 30'000'000);
  }
  EXPECT_GT(later->responses.at(0).partitions.at(0).records->size_bytes(), 6'000u);
}

TEST_F(ClientQuotasTest, a_batch_that_is_larger_than_the_window_comes_when_nothing_else_did) {
  create_topic("t");
  alter(kShop, "consumer_byte_rate", 1000);
  EXPECT_EQ(produce_error(produce("t", batch(std::string(30'000, 'x')))), KafkaError::None);
  send_as("shop", fetch("t", 0), 11);
  const auto fetched = answer<FetchResponse>(11);
  EXPECT_GT(fetched->responses.at(0).partitions.at(0).records->size_bytes(), 30'000u);
  EXPECT_NEAR(fetched->throttle_time_ms, 20'000, 500);
}

TEST(QuotaRates, the_most_special_quota_holds) {
  storage::ClientQuotas quotas;
  const QuotaClient shop{"ann", "shop"};
  const auto most = [&] { return QuotaRates::most_bytes(quotas, QuotaKind::Produce, shop); };
  EXPECT_FALSE(most());
  const auto set = [&](const storage::QuotaEntity& entity, double rate) {
    quotas[entity]["producer_byte_rate"] = rate;
    return *most() / 10;
  };
  EXPECT_EQ(set({{"client-id", std::nullopt}}, 1), 1);
  EXPECT_EQ(set({{"client-id", "shop"}}, 2), 2);
  EXPECT_EQ(set({{"user", std::nullopt}}, 3), 3);
  EXPECT_EQ(set({{"user", std::nullopt}, {"client-id", "shop"}}, 4), 4);
  EXPECT_EQ(set({{"user", "ann"}}, 5), 5);
  EXPECT_EQ(set({{"user", "ann"}, {"client-id", std::nullopt}}, 6), 6);
  EXPECT_EQ(set({{"user", "ann"}, {"client-id", "shop"}}, 7), 7);
  EXPECT_EQ(set({{"client-id", "shop"}}, 9), 7);
}

TEST(QuotaRates, a_rate_is_that_of_the_last_seconds) {
  ByteRate rate;
  rate.record(10'000, 500);
  EXPECT_NEAR(rate.per_second(500), 1000, 1) << "a burst is spread over the window";
  EXPECT_NEAR(rate.per_second(9'500), 1000, 1);
  rate.record(10'000, 5'000);
  EXPECT_NEAR(rate.per_second(10'000), 2000, 1);
  EXPECT_NEAR(rate.per_second(11'000), 1000, 150) << "the first second is out of the window";
  EXPECT_EQ(rate.per_second(60'000), 0);
  rate.record(1'000, 1'000'000);
  EXPECT_NEAR(rate.per_second(1'000'000), 100, 20);
}
