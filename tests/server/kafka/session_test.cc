#include "server/kafka/codec.h"
#include "server/kafka/configs.h"
#include "server/kafka/long_polls.h"
#include "server/kafka/messages/every_message.h"
#include "server/kafka/wire_errors.h"
#include "tests/server/kafka/session_fixture.h"

using namespace server::kafka;

TEST_F(SessionTest, api_versions_lists_the_supported_requests_and_produce_from_0) {
  const auto response = ask<ApiVersionsResponse>(
      ApiVersionsRequest{.client_software_name = "test", .client_software_version = "1"}, 3);
  EXPECT_EQ(response.error_code, KafkaError::None);
  ASSERT_FALSE(response.api_keys.empty());
  EXPECT_EQ(response.api_keys.front().api_key, 0);
  EXPECT_EQ(response.api_keys.front().min_version, 0);
  EXPECT_EQ(response.api_keys.front().max_version, 13);
}

TEST_F(SessionTest, an_unknown_version_of_api_versions_is_answered_in_the_oldest_shape) {
  std::string frame;
  append_request_header(frame, {.api_key = 18, .api_version = 99, .correlation_id = 5}, true);
  std::string sent;
  append_be(sent, static_cast<int32_t>(frame.size()));
  session.receive(sent + frame);
  session.run();
  const std::vector<Answer> all = answers();
  ASSERT_EQ(all.size(), 1u);
  const auto response = decode_response<ApiVersionsResponse>(all[0].body, 0);
  ASSERT_TRUE(response);
  EXPECT_EQ(response->error_code, kUnsupportedVersion);
  EXPECT_FALSE(response->api_keys.empty());
  EXPECT_FALSE(session.is_over());
}

TEST_F(SessionTest, an_unsupported_request_ends_the_connection) {
  std::string bytes;
  append_request(bytes, {.api_version = 2, .correlation_id = 1}, ProduceRequest{});
  session.receive(bytes);
  session.run();
  EXPECT_TRUE(session.is_over());
  EXPECT_TRUE(answers().empty());
}

TEST_F(SessionTest, the_log_names_the_malformed_request_and_its_client) {
  std::string bytes;
  append_request(
      bytes,
      {.api_version = 4, .correlation_id = 1, .client_id = "shop\n\"7\"" + std::string(99, 'x')},
      MetadataRequest{});
  bytes.resize(bytes.size() - 3);
  store_be(bytes.data(), static_cast<int32_t>(bytes.size() - 4));
  session.receive(bytes);
  session.run();
  EXPECT_TRUE(session.is_over());
  EXPECT_EQ(session.end_reason(),
            "malformed Metadata request (api key 3, version 4, client id \"shop??7?" +
                std::string(32, 'x') + "\")");
}

// libpq asks for TLS first. psql once waited without end, because the session took these bytes for the beginning of a
// longer Kafka request.
TEST_F(SessionTest, a_client_of_postgresql_is_shown_the_right_port) {
  const std::string ssl("\0\0\0\x08\x04\xd2\x16\x2f", 8), gss("\0\0\0\x08\x04\xd2\x16\x30", 8);
  const std::string start("\0\0\0\x13\0\3\0\0user\0ada\0\0\0", 19);
  session.receive(gss.substr(0, 5));
  session.run();
  EXPECT_EQ(session.take_output(), "");
  session.receive(gss.substr(5));
  session.run();
  EXPECT_EQ(session.take_output(), "N");
  session.receive(ssl);
  session.run();
  EXPECT_EQ(session.take_output(), "N");
  EXPECT_FALSE(session.is_over());
  session.receive(start);
  session.run();
  const std::string said = session.take_output();
  EXPECT_TRUE(said.starts_with("E")) << said;
  EXPECT_NE(said.find("this port uses the Kafka protocol"), std::string::npos) << said;
  EXPECT_EQ(load_be<int32_t>(said.data() + 1) + 1, static_cast<int32_t>(said.size()));
  EXPECT_TRUE(session.is_over());
}

TEST_F(SessionTest, silent_clients_give_their_slots_back) {
  Session silent(backend, *this, clock, node,
                 {.first_request_timeout_ms = 30'000, .max_idle_ms = 600'000});
  const auto ask_versions = [&] {
    std::string bytes;
    append_request(bytes, {.api_version = 2, .correlation_id = 1}, ApiVersionsRequest{});
    silent.receive(bytes);
    silent.run();
  };
  ASSERT_EQ(silent.deadline_us(), 30'000'000);
  clock.advance_us(29'000'000);
  silent.run();
  EXPECT_FALSE(silent.is_over());
  ask_versions();
  EXPECT_EQ(silent.deadline_us(), 629'000'000);
  clock.advance_us(599'000'000);
  ask_versions();
  clock.advance_us(599'000'000);
  silent.run();
  EXPECT_FALSE(silent.is_over());
  clock.advance_us(1'000'000);
  silent.run();
  EXPECT_TRUE(silent.is_over());
}

TEST_F(SessionTest, a_client_that_begins_no_request_gives_its_slot_back) {
  Session silent(backend, *this, clock, node,
                 {.first_request_timeout_ms = 30'000, .max_idle_ms = 600'000});
  clock.advance_us(20'000'000);
  silent.receive(std::string(1, '\0'));
  silent.run();
  EXPECT_FALSE(silent.is_over());
  clock.advance_us(10'000'000);
  silent.run();
  EXPECT_TRUE(silent.is_over());
}

TEST_F(SessionTest, metadata_makes_the_topic_that_a_producer_asks_for) {
  MetadataRequest request;
  request.topics = {{.name = "fresh"}, {.name = "bad name"}};
  const auto made = ask<MetadataResponse>(request, 4);
  ASSERT_EQ(made.topics.size(), 2u);
  EXPECT_EQ(made.topics[0].error_code, KafkaError::None);
  EXPECT_EQ(made.topics[0].partitions.size(), 1u);
  EXPECT_EQ(made.topics[1].error_code, KafkaError::InvalidTopic);
  request.allow_auto_topic_creation = false;
  request.topics = {{.name = "absent"}};
  const auto refused = ask<MetadataResponse>(request, 4);
  EXPECT_EQ(refused.topics.at(0).error_code, KafkaError::UnknownTopicOrPartition);
  EXPECT_EQ(ask<MetadataResponse>(MetadataRequest{}, 4).topics.size(), 1u);
}

// Creating each topic takes some milliseconds of the metadata thread, on which all clients depend.
TEST_F(SessionTest, metadata_makes_few_of_the_topics_that_a_request_names) {
  MetadataRequest request;
  request.topics.emplace();
  for (int i = 0; i < 500; ++i) request.topics->push_back({.name = "t" + std::to_string(i)});
  const auto count_made = [&] {
    const auto answer = ask<MetadataResponse>(request, 4);
    EXPECT_EQ(answer.topics.size(), 500u);
    size_t made = 0;
    for (const auto& topic : answer.topics) {
      made += topic.error_code == KafkaError::None;
      if (topic.error_code == KafkaError::None) continue;
      EXPECT_EQ(topic.error_code, KafkaError::UnknownTopicOrPartition);
    }
    return made;
  };
  EXPECT_EQ(count_made(), 20u);
  EXPECT_EQ(count_made(), 40u) << "clients ask again";
}

TEST_F(SessionTest, metadata_describes_a_topic_once_however_often_it_is_named) {
  create_topic("t");
  MetadataRequest request;
  request.topics = {{.name = "t"}, {.name = "t"}, {.name = "fresh"}, {.name = "fresh"}};
  const auto answer = ask<MetadataResponse>(request, 4);
  ASSERT_EQ(answer.topics.size(), 2u);
  EXPECT_EQ(answer.topics[0].name, "t");
  EXPECT_EQ(answer.topics[1].name, "fresh");
  EXPECT_EQ(answer.topics[1].error_code, KafkaError::None);
}

TEST_F(SessionTest, produced_batches_are_fetched_byte_for_byte) {
  create_topic("t");
  const std::string sent = batch("hello");
  const auto produced = ask<ProduceResponse>(produce("t", sent), 7);
  EXPECT_EQ(produced.responses.at(0).partition_responses.at(0).base_offset, 0);
  EXPECT_EQ(produce_error(produce("t", batch("again"))), KafkaError::None);

  send(fetch("t", 0), 11);
  const std::vector<Answer> all = answers();
  ASSERT_EQ(all.size(), 1u);
  const auto fetched = decode_response<FetchResponse>(all[0].body, 11).value();
  const auto& partition = fetched.responses.at(0).partitions.at(0);
  EXPECT_EQ(partition.high_watermark, 2);
  EXPECT_EQ(partition.last_stable_offset, 2);
  // Compares everything after the leader epoch, which the checksum does not cover.
  EXPECT_EQ(partition.records->whole().substr(16, sent.size() - 16), sent.substr(16));
}

TEST_F(SessionTest, answers_keep_the_order_of_requests_though_appends_take_longer) {
  create_topic("t");
  backend.holds_appends = true;
  send(produce("t", batch("one")), 7);
  const int32_t produce_id = last_id;
  send(MetadataRequest{}, 4);
  EXPECT_TRUE(answers().empty()) << "nothing overtakes the append";
  wakes = 0;
  backend.let_through();
  EXPECT_EQ(wakes, 1);
  session.run();
  const std::vector<Answer> all = answers();
  ASSERT_EQ(all.size(), 2u);
  EXPECT_EQ(all[0].correlation_id, produce_id);
  EXPECT_EQ(all[1].correlation_id, last_id);
}

TEST_F(SessionTest, acks_0_has_no_answer_and_a_failure_ends_the_connection) {
  create_topic("t");
  send(produce("t", batch("quiet"), 0), 7);
  EXPECT_TRUE(answers().empty());
  EXPECT_FALSE(session.is_over());
  send(produce("absent", batch("lost"), 0), 7);
  EXPECT_TRUE(answers().empty());
  EXPECT_TRUE(session.is_over());
}

TEST_F(SessionTest, nothing_is_stored_of_a_batch_that_is_wrong) {
  create_topic("t");
  std::string flipped = batch("hello");
  flipped.back() ^= 1;
  EXPECT_EQ(produce_error(produce("t", flipped)), KafkaError::CorruptMessage);
  EXPECT_EQ(produce_error(produce("t", batch("a") + batch("b"))), KafkaError::InvalidRecord);
  EXPECT_EQ(produce_error(produce("t", "")), KafkaError::InvalidRecord);
  EXPECT_EQ(produce_error(produce("t", batch("a"), 2)), kInvalidRequiredAcks);
  EXPECT_EQ(produce_error(produce("t", batch("a"), -1, 1)), KafkaError::UnknownTopicOrPartition);
  send(fetch("t", 0), 11);
  const auto fetched = decode_response<FetchResponse>(answers().at(0).body, 11);
  EXPECT_EQ(fetched->responses.at(0).partitions.at(0).high_watermark, 0);
}

// A session whose work on other threads runs only when the test starts it.
class ErrandTest : public SessionTest {
 protected:
  struct Errand {
    std::function<void()> work, then;
  };
  // Returns one record of 2 MB, which is compressed to a few kilobytes.
  static std::string bomb(const std::string& value = std::string(2 << 20, 'x')) {
    records::BatchBuilder builder;
    builder.append(1000, "key", value);
    return builder.finish(records::Codec::Gzip);
  }
  void run_errand() {
    const Errand errand = errands.at(0);
    errands.erase(errands.begin());
    errand.work();
    errand.then();
    aside.run();
  }
  std::vector<Answer> answers_aside() {
    answered.receive(aside.take_output());
    std::vector<Answer> all;
    while (auto frame = answered.next().value())
      all.push_back({load_be<int32_t>(frame->data()), std::string(frame->substr(4))});
    return all;
  }
  template <class Request>
  void send_aside(const Request& request, int16_t version) {
    std::string bytes;
    append_request(bytes, {.api_version = version, .correlation_id = ++last_id}, request);
    aside.receive(bytes);
    aside.run();
  }

  std::vector<Errand> errands;
  bool has_room = true;
  RunAside run_aside = [this](size_t, std::function<void()> work, std::function<void()> then) {
    if (has_room) errands.push_back({std::move(work), std::move(then)});
    return has_room;
  };
  Session aside{backend, *this, clock, NodeView{}, {}, {nullptr, nullptr, &run_aside}};
};

TEST_F(ErrandTest, a_batch_that_becomes_large_is_checked_on_another_thread_and_later_ones_wait) {
  create_topic("t");
  ASSERT_LT(bomb().size(), 10'000u);
  send_aside(produce("t", bomb()), 7);
  ASSERT_EQ(errands.size(), 1u);
  EXPECT_FALSE(aside.wants_input());
  send_aside(produce("t", batch("behind it")), 7);
  EXPECT_TRUE(answers_aside().empty());
  run_errand();
  const std::vector<Answer> all = answers_aside();
  ASSERT_EQ(all.size(), 2u);
  for (int64_t i = 0; i < 2; ++i) {
    const auto response = decode_response<ProduceResponse>(all[static_cast<size_t>(i)].body, 7);
    EXPECT_EQ(response->responses.at(0).partition_responses.at(0).base_offset, i);
  }
}

TEST_F(ErrandTest, errors_are_found_on_the_other_thread_too) {
  create_topic("t");
  std::string cut = bomb();
  cut.resize(cut.size() - 100);
  store_be(cut.data() + 8, static_cast<int32_t>(cut.size() - 12));
  records::set_producer(cut, {});  // sets the checksum, too
  send_aside(produce("t", cut), 7);
  ASSERT_EQ(errands.size(), 1u);
  run_errand();
  const std::vector<Answer> all = answers_aside();
  ASSERT_EQ(all.size(), 1u);
  const auto response = decode_response<ProduceResponse>(all[0].body, 7);
  EXPECT_EQ(response->responses.at(0).partition_responses.at(0).error_code,
            KafkaError::InvalidRecord);
}

TEST_F(ErrandTest, with_a_full_queue_of_the_other_thread_the_client_must_retry) {
  create_topic("t");
  has_room = false;
  send_aside(produce("t", bomb()), 7);
  const std::vector<Answer> all = answers_aside();
  ASSERT_EQ(all.size(), 1u);
  const auto response = decode_response<ProduceResponse>(all[0].body, 7);
  EXPECT_EQ(response->responses.at(0).partition_responses.at(0).error_code,
            KafkaError::RequestTimedOut);
  EXPECT_TRUE(aside.wants_input());
}

TEST_F(ErrandTest, a_search_by_time_unpacks_elsewhere) {
  constexpr int kPartitions = 3;
  create_topic("t", kPartitions);
  ListOffsetsRequest request;
  request.topics = {{.name = "t"}};
  for (int32_t i = 0; i < kPartitions; ++i) {
    records::BatchBuilder builder;
    builder.append(1000, "k", std::string(1 << 20, 'x'));
    builder.append(2000, "k", "v");
    send(produce("t", builder.finish(records::Codec::Gzip), -1, i), 7);
    request.topics[0].partitions.push_back({.partition_index = i, .timestamp = 1500});
  }
  answers();
  const auto ask_aside = [&] {
    send_aside(request, 2);
    for (; !errands.empty(); run_errand()) {
      EXPECT_EQ(errands.size(), 1u);
      EXPECT_FALSE(aside.wants_input());
      EXPECT_TRUE(answers_aside().empty());
    }
    return decode_response<ListOffsetsResponse>(answers_aside().at(0).body, 2)
        .value()
        .topics.at(0)
        .partitions;
  };
  for (const auto& found : ask_aside()) {
    EXPECT_EQ(found.error_code, KafkaError::None);
    EXPECT_EQ(found.offset, 1);
    EXPECT_EQ(found.timestamp, 2000);
  }
  has_room = false;
  for (const auto& found : ask_aside()) EXPECT_EQ(found.error_code, KafkaError::RequestTimedOut);
  EXPECT_TRUE(aside.wants_input());
}

TEST_F(ErrandTest, a_connection_may_end_before_its_batch_is_checked) {
  create_topic("t");
  auto gone = std::make_unique<Session>(backend, *this, clock, NodeView{}, SessionLimits{},
                                        SessionSurroundings{nullptr, nullptr, &run_aside});
  std::string bytes;
  append_request(bytes, {.api_version = 7, .correlation_id = 1}, produce("t", bomb()));
  gone->receive(bytes);
  gone->run();
  gone.reset();
  run_errand();
  EXPECT_EQ(ask<FetchResponse>(fetch("t", 0), 4).responses.at(0).partitions.at(0).high_watermark,
            1);
}

TEST_F(SessionTest, a_long_poll_waits_for_records_and_no_longer_than_its_time) {
  create_topic("t");
  send(fetch("t", 0, 500), 11);
  EXPECT_TRUE(answers().empty());
  ASSERT_EQ(session.awaited().size(), 1u);
  ASSERT_TRUE(session.deadline_us());
  clock.advance_us(500'000);
  session.run();
  EXPECT_EQ(answers().size(), 1u);
  EXPECT_TRUE(session.awaited().empty());

  send(fetch("t", 0, 500), 11);
  backend.append({{{*session.awaited().begin(), batch("now")}}}, [](auto) {});
  session.run();
  EXPECT_TRUE(answers().empty()) << "nobody has said that the partition grew";
  session.grown();
  session.run();
  EXPECT_EQ(answers().size(), 1u);
}

TEST_F(SessionTest, a_long_poll_for_many_bytes_looks_for_them_now_and_then) {
  create_topic("t");
  FetchRequest request = fetch("t", 0, 500);
  request.min_bytes = 1000;
  send(request, 11);
  const storage::TopicPartition partition = session.awaited().front();
  const auto grow = [&](size_t bytes) {
    backend.append({{{partition, batch(std::string(bytes, 'x'))}}}, [](auto) {});
    session.grown();
    session.run();
  };
  const int64_t end_us = *session.deadline_us();
  grow(100);
  EXPECT_EQ(*session.deadline_us(), end_us);
  grow(1000);
  EXPECT_TRUE(answers().empty()) << "it has just looked";
  EXPECT_LT(*session.deadline_us(), clock.monotonic_us() + 50'000);
  clock.advance_us(*session.deadline_us() - clock.monotonic_us());
  session.run();
  EXPECT_EQ(answers().size(), 1u);
}

TEST_F(SessionTest, a_long_poll_that_was_woken_for_nothing_takes_the_next_record_at_once) {
  create_topic("t");
  send(fetch("t", 0, 500), 11);
  const storage::TopicPartition partition = session.awaited().front();
  session.grown();
  session.run();
  EXPECT_TRUE(answers().empty());
  backend.append({{{partition, batch("now")}}}, [](auto) {});
  session.grown();
  session.run();
  EXPECT_EQ(answers().size(), 1u);
}

// LongPolls wakes a loop only for registered partitions, so records that arrive between the first read of the log and
// the registration must be noticed.
TEST_F(SessionTest, a_long_poll_looks_again_once_the_polls_know_of_it) {
  create_topic("t");
  server::Loop loop;
  const auto polls = std::make_shared<LongPolls>(loop);
  Session waiting(backend, *this, clock, NodeView{}, SessionLimits{},
                  SessionSurroundings{polls.get()});
  const auto ask = [&](int64_t offset) {
    std::string bytes;
    append_request(bytes, {.api_version = 11, .correlation_id = 1}, fetch("t", offset, 500));
    waiting.receive(bytes);
    waiting.run();
  };
  const auto tell = [&](const storage::TopicPartition& partition) {
    polls->grown({&partition, 1});
    loop.post([&] { loop.stop(); });
    loop.run();
    waiting.run();
  };
  int uses = 0;
  backend.on_reader = [&] { ++uses; };
  ask(0);
  const int uses_of_two_looks = uses;
  const storage::TopicPartition partition = waiting.awaited().front();
  backend.append({{{partition, batch("one")}}}, [](auto) {});
  tell(partition);
  EXPECT_FALSE(waiting.take_output().empty());
  uses = 0;
  ask(1);
  EXPECT_EQ(2 * uses, uses_of_two_looks) << "they know of it since the last time";
  backend.append({{{partition, batch("two")}}}, [](auto) {});
  tell({partition.topic, PartitionId{7}});
  EXPECT_TRUE(waiting.take_output().empty()) << "nobody waits for that one";
  tell(partition);
  EXPECT_FALSE(waiting.take_output().empty());
}

TEST_F(SessionTest, a_fetch_waits_for_at_most_the_bytes_that_it_takes) {
  create_topic("t");
  EXPECT_EQ(produce_error(produce("t", batch(std::string(1000, 'x')))), KafkaError::None);
  FetchRequest request = fetch("t", 0, 30'000);
  request.min_bytes = INT32_MAX;
  request.max_bytes = 500;
  send(request, 11);
  EXPECT_EQ(answers().size(), 1u);
}

TEST_F(SessionTest, a_partition_is_fetched_once_in_a_request) {
  create_topic("t");
  EXPECT_EQ(produce_error(produce("t", batch("v"))), KafkaError::None);
  FetchRequest request = fetch("t", 0, 500);
  request.topics.push_back(request.topics.front());
  const auto fetched = ask<FetchResponse>(request, 11).responses;
  EXPECT_EQ(fetched.at(0).partitions.at(0).error_code, KafkaError::None);
  EXPECT_EQ(fetched.at(1).partitions.at(0).error_code, KafkaError::InvalidRequest);
}

TEST_F(SessionTest, a_long_poll_ends_when_its_topic_is_deleted) {
  create_topic("t");
  send(fetch("t", 0, 30'000), 11);
  EXPECT_TRUE(answers().empty());
  backend.delete_topic("t", [](Status status) { EXPECT_TRUE(status); });
  session.grown();  // called here in place of the log, which calls it for dropped partitions
  session.run();
  const std::vector<Answer> all = answers();
  ASSERT_EQ(all.size(), 1u);
  const auto fetched = decode_response<FetchResponse>(all[0].body, 11).value();
  EXPECT_EQ(fetched.responses.at(0).partitions.at(0).error_code,
            KafkaError::UnknownTopicOrPartition);
}

TEST_F(SessionTest, a_stop_answers_begun_requests_and_begins_no_other) {
  create_topic("t");
  backend.holds_appends = true;
  send(produce("t", batch("one")), 7);
  session.shut_down({ErrorCode::ShuttingDown, "stopping"});
  session.run();
  send(MetadataRequest{}, 4);
  EXPECT_FALSE(session.is_over());
  backend.let_through();
  session.run();
  EXPECT_EQ(answers().size(), 1u);
  EXPECT_TRUE(session.is_over());
}

TEST_F(SessionTest, a_stop_ends_a_long_poll) {
  create_topic("t");
  send(fetch("t", 0, 30'000), 11);
  session.shut_down({ErrorCode::ShuttingDown, "stopping"});
  session.run();
  EXPECT_EQ(answers().size(), 1u);
  EXPECT_TRUE(session.is_over());
}

// Sessions of clients whose memory is charged.
struct ChargedSession : SessionTest {
  MemoryBudget budget{64 << 20};
  MemoryAccount account{budget};
  Session charged{backend, *this,           clock,
                  node,    SessionLimits{}, SessionSurroundings{nullptr, &account}};

  template <class Request>
  void tell(const Request& request, int16_t version) {
    std::string bytes;
    append_request(bytes, {.api_version = version, .correlation_id = ++last_id}, request);
    charged.receive(bytes);
    charged.run();
  }
};

TEST_F(ChargedSession, a_frame_gets_no_more_than_a_share_and_its_memory_is_given_back) {
  std::string size;
  append_be<int32_t>(size, 60 << 20);
  charged.receive(size);
  charged.run();
  size_t sent = 0;
  while (charged.refused_memory().empty() && sent < (60 << 20)) {
    charged.receive(std::string(64 << 10, 'x'));
    charged.run();
    sent += 64 << 10;
  }
  EXPECT_EQ(charged.refused_memory(), "a request of 60 MB");
  EXPECT_LE(account.held_bytes(), 16u << 20);
  EXPECT_GE(account.held_bytes(), 4u << 20);
  charged.shut_down(account.refusal(charged.refused_memory()));
  charged.run();
  EXPECT_TRUE(charged.is_over());
  EXPECT_TRUE(charged.end_reason().starts_with(
      "not enough memory for a request of 60 MB: memory-limit is 64 MB, and"));
}

TEST_F(ChargedSession, an_answer_takes_at_most_the_available_memory) {
  create_topic("t");
  for (int i = 0; i < 20; ++i) {
    const std::string value(900'000, 'x');
    EXPECT_EQ(produce_error(produce("t", batch(value))), KafkaError::None);
  }
  FetchRequest request = fetch("t", 0);
  request.max_bytes = request.topics[0].partitions[0].partition_max_bytes = 55 << 20;
  const auto answer_size = [&] {
    tell(request, 11);
    return charged.take_output().size();
  };
  EXPECT_GT(answer_size(), 3u << 20);
  EXPECT_LT(answer_size(), 8u << 20) << "half of what a client may have";

  // If other accounts hold nearly all memory, the answer is empty and comes after a while.
  MemoryAccount other(budget);
  MemoryCharge charge(&other, MemoryKind::Connections);
  charge.resize(63 << 20);
  request.max_wait_ms = 30'000;
  EXPECT_EQ(answer_size(), 0u);
  ASSERT_TRUE(charged.deadline_us());
  EXPECT_LE(*charged.deadline_us() - clock.monotonic_us(), 600'000);
  clock.advance_us(700'000);
  charged.run();
  const std::string empty = charged.take_output();
  EXPECT_GT(empty.size(), 0u);
  EXPECT_LT(empty.size(), 1000u);

  charge.resize(0);
  EXPECT_GT(answer_size(), 3u << 20);
}

TEST_F(SessionTest, while_a_long_poll_waits_little_is_read_ahead) {
  create_topic("t");
  send(fetch("t", 0, 500), 11);
  EXPECT_TRUE(session.wants_input());
  session.receive(std::string(64 * 1024, '\1'));
  EXPECT_FALSE(session.wants_input());
  session.run();
  EXPECT_TRUE(answers().empty()) << "one request at a time waits, as in Kafka";
  EXPECT_FALSE(session.is_over());
}

TEST_F(SessionTest, requests_that_came_together_are_answered_a_little_at_a_time) {
  create_topic("t");
  EXPECT_EQ(produce_error(produce("t", batch(std::string(700'000, 'x')))), KafkaError::None);
  std::string bytes;
  for (int32_t id = 1; id <= 5; ++id)
    append_request(bytes, {.api_version = 11, .correlation_id = id}, fetch("t", 0));
  wakes = 0;
  session.receive(bytes);
  session.run();
  EXPECT_EQ(answers().size(), 2u) << "more than a megabyte is enough for one turn";
  EXPECT_EQ(wakes, 1);
  session.run();
  EXPECT_EQ(answers().size(), 2u);
  session.set_output_full(true);
  session.run();
  EXPECT_EQ(answers().size(), 0u) << "the client does not read";
  session.set_output_full(false);
  wakes = 0;
  session.run();
  EXPECT_EQ(answers().size(), 1u);
  EXPECT_EQ(wakes, 0);
}

TEST_F(SessionTest, answers_that_wait_for_one_before_them_are_few) {
  create_topic("t");
  EXPECT_EQ(produce_error(produce("t", batch(std::string(900'000, 'x')))), KafkaError::None);
  backend.holds_appends = true;
  send(produce("t", batch("slow")), 7);
  for (int i = 0; i < 99; ++i) send(fetch("t", 0), 11);
  EXPECT_FALSE(session.wants_input()) << "64 megabytes wait already";
  backend.let_through();
  size_t answer_count = 0;
  for (int i = 0; i < 100; ++i) {
    session.run();
    answer_count += answers().size();
  }
  EXPECT_EQ(answer_count, 100u);
}

TEST_F(SessionTest, offsets_are_found_by_their_names_and_by_time) {
  create_topic("t");
  for (const int64_t timestamp : {1000, 2000, 3000})
    EXPECT_EQ(produce_error(produce("t", batch("v", timestamp))), KafkaError::None);
  const auto find = [&](int64_t timestamp) {
    ListOffsetsRequest request;
    request.topics = {{.name = "t", .partitions = {{.timestamp = timestamp}}}};
    return ask<ListOffsetsResponse>(request, 2).topics.at(0).partitions.at(0);
  };
  EXPECT_EQ(find(-2).offset, 0);
  EXPECT_EQ(find(-1).offset, 3);
  EXPECT_EQ(find(1500).offset, 1);
  EXPECT_EQ(find(1500).timestamp, 2000);
  EXPECT_EQ(find(9000).offset, -1);
}

TEST_F(SessionTest, offsets_of_a_partition_are_looked_up_once_in_a_request) {
  create_topic("t");
  ListOffsetsRequest request;
  request.topics = {{.name = "t", .partitions = {{.timestamp = -1}, {.timestamp = 5}}}};
  const auto found = ask<ListOffsetsResponse>(request, 2).topics.at(0).partitions;
  ASSERT_EQ(found.size(), 1u);
  EXPECT_EQ(found.at(0).error_code, KafkaError::InvalidRequest);
}

TEST_F(SessionTest, fetching_outside_of_the_log_is_an_error_at_once) {
  create_topic("t");
  send(fetch("t", 7, 500), 11);
  const auto fetched = decode_response<FetchResponse>(answers().at(0).body, 11);
  EXPECT_EQ(fetched->responses.at(0).partitions.at(0).error_code, KafkaError::OffsetOutOfRange);
}

TEST_F(SessionTest, topics_that_cannot_be_created_have_a_reason) {
  create_topic("t");
  CreateTopicsRequest request;
  request.topics = {{.name = "t"},
                    {.name = "no blanks"},
                    {.name = "none", .num_partitions = 0},
                    {.name = "three", .replication_factor = 3},
                    {.name = "most", .num_partitions = 9'999},
                    {.name = "too_many", .num_partitions = 2},
                    {.name = "odd", .configs = {{"retention.ms", std::nullopt}, {"no.such", "1"}}}};
  request.validate_only = true;
  const auto response = ask<CreateTopicsResponse>(request, 4);
  EXPECT_EQ(response.topics.at(0).error_code, KafkaError::TopicAlreadyExists);
  EXPECT_EQ(response.topics.at(1).error_code, KafkaError::InvalidTopic);
  EXPECT_EQ(response.topics.at(2).error_code, kInvalidPartitions);
  EXPECT_EQ(response.topics.at(3).error_code, kInvalidReplicationFactor);
  EXPECT_EQ(response.topics.at(4).error_code, KafkaError::None);
  EXPECT_EQ(response.topics.at(5).error_code, kPolicyViolation);
  EXPECT_EQ(response.topics.at(6).error_code, kInvalidConfig);
}

TEST_F(SessionTest, an_internal_topic_is_read_and_not_deleted) {
  create_topic("own");
  create_topic("t");
  const auto metadata = ask<MetadataResponse>(MetadataRequest{}, 4);
  for (const auto& topic : metadata.topics) EXPECT_EQ(topic.is_internal, topic.name == "own");
  DeleteTopicsRequest request;
  request.topic_names = {"own", "t"};
  const auto response = ask<DeleteTopicsResponse>(request, 5);
  EXPECT_EQ(response.responses.at(0).error_code, KafkaError::InvalidTopic);
  EXPECT_EQ(response.responses.at(0).error_message,
            "topic \"own\" is internal and cannot be deleted");
  EXPECT_EQ(response.responses.at(1).error_code, KafkaError::None);
}

namespace {

constexpr int8_t kTopic = 2, kBroker = 4;
constexpr int8_t kSet = 0, kDelete = 1, kAppend = 2;

using Change = IncrementalAlterConfigsRequest::Resource::Config;

class ConfigsTest : public SessionTest {
 protected:
  ConfigsTest() { create_topic("t"); }

  std::string value_of(const std::string& name) {
    DescribeConfigsRequest request;
    request.resources = {{kTopic, "t", std::vector<std::string>{name}}};
    const auto response = ask<DescribeConfigsResponse>(request, 4);
    const auto& configs = response.results.at(0).configs;
    return configs.empty() ? "" : configs.front().value.value_or("null");
  }
  IncrementalAlterConfigsResponse::Resource alter(std::vector<Change> changes,
                                                  bool validate_only = false) {
    IncrementalAlterConfigsRequest request;
    request.resources = {{kTopic, "t", std::move(changes)}};
    request.validate_only = validate_only;
    return ask<IncrementalAlterConfigsResponse>(request, 1).responses.at(0);
  }
};

}  // namespace

TEST_F(ConfigsTest, each_resource_is_described_with_all_that_it_has) {
  DescribeConfigsRequest request;
  request.resources = {{kTopic, "t", std::vector<std::string>()},
                       {kTopic, "t", std::nullopt},
                       {kTopic, "absent", std::nullopt},
                       {kBroker, "1", std::nullopt}};
  const auto response = ask<DescribeConfigsResponse>(request, 1);
  ASSERT_EQ(response.results.size(), 4u);
  EXPECT_EQ(response.results[0].configs.size(), storage::topic_configs().size());
  EXPECT_EQ(response.results[1].configs.size(), storage::topic_configs().size());
  EXPECT_EQ(response.results[2].error_code, KafkaError::UnknownTopicOrPartition);
  EXPECT_TRUE(std::ranges::any_of(response.results[3].configs,
                                  [](const auto& c) { return c.name == "log.retention.ms"; }));
}

TEST_F(ConfigsTest, a_resource_that_is_named_very_often_is_described_less_often) {
  DescribeConfigsRequest request;
  request.resources.assign(10'000, {kTopic, "t", std::nullopt});
  EXPECT_LT(ask<DescribeConfigsResponse>(request, 1).results.size(), 200u);
}

TEST_F(ConfigsTest, settings_change_one_by_one_and_take_effect_at_once) {
  EXPECT_EQ(alter({{"max.message.bytes", kSet, "100"}, {"flush.messages", kSet, "1"}}).error_code,
            KafkaError::None);
  EXPECT_EQ(value_of("max.message.bytes"), "100");
  EXPECT_EQ(value_of("flush.messages"), "1");
  EXPECT_EQ(produce_error(produce("t", batch(std::string(200, 'x')))), KafkaError::MessageTooLarge);
  EXPECT_EQ(alter({{"max.message.bytes", kDelete, std::nullopt}}).error_code, KafkaError::None);
  EXPECT_EQ(produce_error(produce("t", batch(std::string(200, 'x')))), KafkaError::None);
  EXPECT_EQ(value_of("flush.messages"), "1");
  EXPECT_EQ(alter({{"cleanup.policy", kAppend, "compact"}}).error_code, KafkaError::None);
  EXPECT_EQ(value_of("cleanup.policy"), "delete,compact");
}

TEST_F(ConfigsTest, all_settings_are_replaced_by_the_older_request) {
  EXPECT_EQ(alter({{"flush.messages", kSet, "7"}}).error_code, KafkaError::None);
  AlterConfigsRequest request;
  request.resources = {{kTopic, "t", {{"retention.ms", "1000"}}}};
  EXPECT_EQ(ask<AlterConfigsResponse>(request, 2).responses.at(0).error_code, KafkaError::None);
  EXPECT_EQ(value_of("retention.ms"), "1000");
  EXPECT_EQ(value_of("flush.messages"), "9223372036854775807");
}

TEST_F(ConfigsTest, a_validated_change_has_no_effect) {
  EXPECT_EQ(alter({{"retention.ms", kSet, "1"}}, true).error_code, KafkaError::None);
  EXPECT_EQ(alter({{"retention.ms", kSet, "-2"}}, true).error_code, kInvalidConfig);
  EXPECT_EQ(value_of("retention.ms"), "-1");
}

TEST_F(ConfigsTest, an_impossible_change_has_a_reason) {
  EXPECT_EQ(alter({{"retention.ms", kSet, "-2"}}).error_code, kInvalidConfig);
  EXPECT_EQ(alter({{"nonsense", kSet, "1"}}).error_code, kInvalidConfig);
  EXPECT_EQ(alter({{"retention.ms", kAppend, "1"}}).error_code, kInvalidConfig);
  EXPECT_EQ(alter({{"retention.ms", kSet, std::nullopt}}).error_code, KafkaError::InvalidRequest);
  EXPECT_EQ(alter({{"retention.ms", 9, "1"}}).error_code, KafkaError::InvalidRequest);
  EXPECT_EQ(alter({{"retention.ms", kSet, "1"}, {"retention.ms", kSet, "2"}}).error_code,
            KafkaError::InvalidRequest);
  EXPECT_EQ(value_of("retention.ms"), "-1");
  IncrementalAlterConfigsRequest request;
  request.resources = {{kTopic, "t", {}},      {kTopic, "t", {}},
                       {kTopic, "absent", {}}, {kBroker, "1", {{"num.partitions", kSet, "3"}}},
                       {kBroker, "7", {}},     {99, "t", {}}};
  const auto response = ask<IncrementalAlterConfigsResponse>(request, 0);
  EXPECT_EQ(response.responses.at(0).error_code, KafkaError::InvalidRequest);
  EXPECT_EQ(response.responses.at(1).error_code, KafkaError::InvalidRequest);
  EXPECT_EQ(response.responses.at(2).error_code, KafkaError::UnknownTopicOrPartition);
  EXPECT_EQ(response.responses.at(3).error_code, KafkaError::InvalidRequest);
  EXPECT_EQ(response.responses.at(4).error_code, KafkaError::InvalidRequest);
  EXPECT_EQ(response.responses.at(5).error_code, KafkaError::InvalidRequest);
}

class TopicDefaultsTest : public ConfigsTest {
 protected:
  using Config = DescribeConfigsResponse::Resource::Config;

  IncrementalAlterConfigsResponse::Resource alter_broker(const std::string& broker,
                                                         std::vector<Change> changes,
                                                         bool validate_only = false) {
    IncrementalAlterConfigsRequest request;
    request.resources = {{kBroker, broker, std::move(changes)}};
    request.validate_only = validate_only;
    return ask<IncrementalAlterConfigsResponse>(request, 1).responses.at(0);
  }
  Config config_of(int8_t type, const std::string& resource, const std::string& name) {
    DescribeConfigsRequest request;
    request.resources = {{type, resource, std::vector<std::string>{name}}};
    request.include_synonyms = true;
    const auto response = ask<DescribeConfigsResponse>(request, 4);
    const auto& configs = response.results.at(0).configs;
    return configs.empty() ? Config() : configs.front();
  }
};

// Sources of settings in KIP-226: 1 the topic, 3 all brokers at run time, 4 the start of the
// server, 5 the program's default.
TEST_F(TopicDefaultsTest, a_default_of_all_brokers_holds_for_topics_that_do_not_set_it) {
  EXPECT_EQ(config_of(kTopic, "t", "retention.ms").config_source, 5);
  backend.start_with({{"retention.ms", "7000"}, {"max.message.bytes", "3000"}});
  EXPECT_EQ(config_of(kTopic, "t", "retention.ms").value, "7000");
  EXPECT_EQ(config_of(kTopic, "t", "retention.ms").config_source, 4);
  EXPECT_EQ(alter_broker("", {{"log.retention.ms", kSet, "604800000"},
                              {"message.max.bytes", kSet, "100"},
                              {"log.cleanup.policy", kAppend, "compact"},
                              {"log.retention.bytes", kSet, "5"}})
                .error_code,
            KafkaError::None);
  const Config retention = config_of(kTopic, "t", "retention.ms");
  EXPECT_EQ(retention.value, "604800000");
  EXPECT_EQ(retention.config_source, 3);
  ASSERT_EQ(retention.synonyms.size(), 3u);
  EXPECT_EQ(retention.synonyms[0].name, "log.retention.ms");
  EXPECT_EQ(retention.synonyms[0].source, 3);
  EXPECT_EQ(retention.synonyms[1].source, 4);
  EXPECT_EQ(retention.synonyms[2].source, 5);
  EXPECT_EQ(value_of("cleanup.policy"), "delete,compact");
  EXPECT_EQ(config_of(kBroker, "", "log.retention.bytes").value, "5");
  EXPECT_EQ(config_of(kBroker, "", "log.retention.bytes").config_source, 3);
  EXPECT_EQ(config_of(kBroker, "1", "log.retention.bytes").value, "5");
  EXPECT_FALSE(config_of(kBroker, "1", "log.retention.bytes").read_only);
  EXPECT_EQ(config_of(kBroker, "", "log.segment.bytes").name, "") << "set by nobody";
  EXPECT_EQ(produce_error(produce("t", batch(std::string(200, 'x')))), KafkaError::MessageTooLarge);
  CreateTopicsRequest creation;
  creation.topics = {{.name = "later", .configs = {{"max.message.bytes", "1000"}}}};
  const auto made = ask<CreateTopicsResponse>(creation, 7).topics.at(0);
  EXPECT_TRUE(std::ranges::any_of(*made.configs, [](const auto& each) {
    return each.name == "retention.ms" && each.value == "604800000" && each.config_source == 3;
  }));
  EXPECT_EQ(produce_error(produce("later", batch(std::string(200, 'x')))), KafkaError::None);
  EXPECT_EQ(alter({{"retention.ms", kSet, "9"}}).error_code, KafkaError::None);
  EXPECT_EQ(config_of(kTopic, "t", "retention.ms").config_source, 1);
  EXPECT_EQ(alter_broker("", {{"log.retention.ms", kDelete, std::nullopt},
                              {"message.max.bytes", kDelete, std::nullopt},
                              {"of.another.version", kDelete, std::nullopt}})
                .error_code,
            KafkaError::None);
  EXPECT_EQ(value_of("max.message.bytes"), "3000");
}

TEST_F(TopicDefaultsTest, a_setting_that_cannot_be_set_so_is_refused_with_the_reason) {
  const auto why = [&](const std::string& broker, const std::string& name) {
    const auto answer = alter_broker(broker, {{name, kSet, "1"}});
    EXPECT_EQ(answer.error_code, KafkaError::InvalidRequest) << name;
    return answer.error_message.value_or("");
  };
  EXPECT_NE(why("", "nonsense").find("broker setting \"nonsense\" cannot be changed"),
            std::string::npos);
  EXPECT_NE(why("1", "log.retention.ms").find("--entity-default"), std::string::npos);
  NodeView started = node;
  started.start_settings =
      std::make_shared<const std::vector<StartSetting>>(std::vector<StartSetting>{
          {"num.partitions", "4", storage::ConfigType::Int, "", "num-partitions"},
          {"delete.topic.enable", "true", storage::ConfigType::Boolean, "", ""}});
  EXPECT_NE(why_fixed(started, "num.partitions").find("by --num-partitions"), std::string::npos);
  EXPECT_NE(why_fixed(started, "delete.topic.enable").find("is always \"true\""),
            std::string::npos);
  EXPECT_EQ(alter_broker("", {{"log.retention.ms", kSet, "-2"}}).error_code, kInvalidConfig);
  EXPECT_EQ(alter_broker("", {{"log.retention.ms", kSet, "5"}}, true).error_code, KafkaError::None);
  EXPECT_EQ(value_of("retention.ms"), "-1") << "it was only checked";
}

// AlterConfigs carries all settings of the resource, so settings that are missing in it are reset.
TEST_F(TopicDefaultsTest, the_older_request_replaces_all_defaults) {
  AlterConfigsRequest request;
  request.resources = {{kBroker, "", {{"log.retention.ms", "1000"}, {"log.roll.ms", "5"}}}};
  EXPECT_EQ(ask<AlterConfigsResponse>(request, 2).responses.at(0).error_code, KafkaError::None);
  request.resources = {{kBroker, "", {{"log.roll.ms", "6"}}}};
  EXPECT_EQ(ask<AlterConfigsResponse>(request, 2).responses.at(0).error_code, KafkaError::None);
  EXPECT_EQ(value_of("retention.ms"), "-1");
  EXPECT_EQ(value_of("segment.ms"), "6");
  request.resources = {{kBroker, "", {}}};
  EXPECT_EQ(ask<AlterConfigsResponse>(request, 2).responses.at(0).error_code, KafkaError::None);
  EXPECT_EQ(config_of(kTopic, "t", "segment.ms").config_source, 5);
}

TEST_F(ConfigsTest, an_unknown_setting_is_deleted_beside_others) {
  EXPECT_EQ(alter({{"retention.ms", kSet, "86400000"},
                   {"remote.log.delete.on.disable", kDelete, std::nullopt},
                   {"message.format.version", kDelete, std::nullopt}})
                .error_code,
            KafkaError::None);
  EXPECT_EQ(value_of("retention.ms"), "86400000");
  EXPECT_EQ(alter({{"message.format.version", kSet, "3.0"}}).error_code, kInvalidConfig);
  IncrementalAlterConfigsRequest request;
  request.resources = {{32, "g", {{"of.another.version", kDelete, std::nullopt}}}};
  EXPECT_EQ(ask<IncrementalAlterConfigsResponse>(request, 1).responses.at(0).error_code,
            KafkaError::None);
}

TEST_F(ConfigsTest, loggers_and_client_metrics_are_described_as_empty) {
  DescribeConfigsRequest request;
  request.resources = {{8, "1", std::nullopt}, {16, "any", std::nullopt}, {8, "7", std::nullopt}};
  const auto response = ask<DescribeConfigsResponse>(request, 4);
  EXPECT_EQ(response.results.at(0).error_code, KafkaError::None);
  EXPECT_TRUE(response.results.at(0).configs.empty());
  EXPECT_EQ(response.results.at(1).error_code, KafkaError::None);
  EXPECT_TRUE(response.results.at(1).configs.empty());
  EXPECT_EQ(response.results.at(2).error_code, KafkaError::InvalidRequest);
}

TEST_F(ConfigsTest, a_compacted_topic_takes_no_record_without_a_key) {
  EXPECT_EQ(alter({{"cleanup.policy", kSet, "compact"}}).error_code, KafkaError::None);
  EXPECT_EQ(produce_error(produce("t", batch("v"))), KafkaError::None);
  for (const records::Codec codec : {records::Codec::None, records::Codec::Lz4}) {
    records::BatchBuilder builder;
    builder.append(1, "k", "v");
    builder.append(1, std::nullopt, "v");
    const std::string bytes = builder.finish(codec);
    const auto response = ask<ProduceResponse>(produce("t", bytes), 8);
    const auto& answer = response.responses.at(0).partition_responses.at(0);
    EXPECT_EQ(answer.error_code, KafkaError::InvalidRecord);
    ASSERT_EQ(answer.record_errors.size(), 1u);
    EXPECT_EQ(answer.record_errors[0].batch_index, 1);
  }
  EXPECT_EQ(alter({{"cleanup.policy", kSet, "delete"}}).error_code, KafkaError::None);
}

class DeleteRecordsTest : public SessionTest {
 protected:
  DeleteRecordsTest() {
    create_topic("t", 2);
    for (int i = 0; i < 3; ++i)
      EXPECT_EQ(produce_error(produce("t", batch("v"))), KafkaError::None);
  }
  DeleteRecordsResponse::Topic::Partition delete_before(int64_t offset, int32_t partition = 0,
                                                        const std::string& topic = "t") {
    DeleteRecordsRequest request;
    request.topics = {{topic, {{partition, offset}}}};
    return ask<DeleteRecordsResponse>(request, 2).topics.at(0).partitions.at(0);
  }
  KafkaError fetch_error(int64_t offset) {
    return ask<FetchResponse>(fetch("t", offset), 11).responses.at(0).partitions.at(0).error_code;
  }
};

TEST_F(DeleteRecordsTest, records_before_an_offset_go_for_everybody) {
  const auto deleted = delete_before(2);
  EXPECT_EQ(deleted.error_code, KafkaError::None);
  EXPECT_EQ(deleted.low_watermark, 2);
  EXPECT_EQ(fetch_error(1), KafkaError::OffsetOutOfRange);
  EXPECT_EQ(fetch_error(2), KafkaError::None);
  ListOffsetsRequest request;
  request.topics = {{"t", {{.partition_index = 0, .timestamp = -2}}}};
  const auto earliest = ask<ListOffsetsResponse>(request, 5);
  EXPECT_EQ(earliest.topics.at(0).partitions.at(0).offset, 2);
  // An offset before the first one changes nothing.
  EXPECT_EQ(delete_before(1).low_watermark, 2);
  EXPECT_EQ(delete_before(-1).low_watermark, 3);
  EXPECT_EQ(delete_before(-1, 1).low_watermark, 0);
}

TEST_F(DeleteRecordsTest, a_refused_deletion_has_a_reason) {
  EXPECT_EQ(delete_before(4).error_code, KafkaError::OffsetOutOfRange);
  EXPECT_EQ(delete_before(-7).error_code, KafkaError::OffsetOutOfRange);
  EXPECT_EQ(delete_before(0, 9).error_code, KafkaError::UnknownTopicOrPartition);
  EXPECT_EQ(delete_before(0, 0, "absent").error_code, KafkaError::UnknownTopicOrPartition);
  AlterConfigsRequest compact;
  compact.resources = {{kTopic, "t", {{"cleanup.policy", "compact"}}}};
  EXPECT_EQ(ask<AlterConfigsResponse>(compact, 0).responses.at(0).error_code, KafkaError::None);
  EXPECT_EQ(delete_before(1).error_code, kPolicyViolation);
}

TEST_F(ConfigsTest, a_new_topic_is_answered_with_its_settings) {
  CreateTopicsRequest request;
  request.topics = {
      {.name = "made", .num_partitions = 1, .configs = {{"retention.ms", "5000"}}},
      {.name = "refused", .num_partitions = 1, .configs = {{"segment.bytes", "1"}}},
      {.name = "null", .num_partitions = 1, .configs = {{"segment.ms", std::nullopt}}}};
  const auto response = ask<CreateTopicsResponse>(request, 7);
  const auto& configs = response.topics.at(0).configs;
  ASSERT_TRUE(configs);
  EXPECT_EQ(configs->size(), storage::topic_configs().size());
  const auto retention =
      std::ranges::find(*configs, "retention.ms", [](auto& c) { return c.name; });
  EXPECT_EQ(retention->value, "5000");
  EXPECT_EQ(retention->config_source, 1);
  EXPECT_EQ(response.topics.at(1).error_code, kInvalidConfig);
  EXPECT_EQ(response.topics.at(2).error_code, kInvalidConfig);
}

// --- Groups

TEST_F(SessionTest, a_consumer_joins_is_given_its_work_and_leaves) {
  JoinGroupRequest join;
  join.group_id = "g";
  join.session_timeout_ms = 10'000;
  join.rebalance_timeout_ms = 60'000;
  join.protocol_type = "consumer";
  join.protocols = {{"range", "topics"}};
  const auto told = ask<JoinGroupResponse>(join, 9);
  EXPECT_EQ(told.error_code, server::coordinator::kMemberIdRequired);
  join.member_id = told.member_id;
  send(join, 9);
  EXPECT_TRUE(answers().empty()) << "others may come";
  backend.groups().pass_ms(3'000);
  EXPECT_GT(wakes, 0);
  session.run();
  const std::vector<Answer> all = answers();
  ASSERT_EQ(all.size(), 1u);
  const auto joined = decode_response<JoinGroupResponse>(all[0].body, 9);
  ASSERT_TRUE(joined);
  EXPECT_EQ(joined->generation_id, 1);
  EXPECT_EQ(joined->leader, joined->member_id);
  ASSERT_EQ(joined->members.size(), 1u);
  EXPECT_EQ(joined->members[0].metadata, "topics");

  SyncGroupRequest sync;
  sync.group_id = "g";
  sync.generation_id = 1;
  sync.member_id = joined->member_id;
  sync.assignments = {{joined->member_id, "work"}};
  EXPECT_EQ(ask<SyncGroupResponse>(sync, 5).assignment, "work");

  const auto described = ask<DescribeGroupsResponse>(DescribeGroupsRequest{.groups = {"g"}}, 5);
  ASSERT_EQ(described.groups.size(), 1u);
  EXPECT_EQ(described.groups[0].group_state, "Stable");
  EXPECT_EQ(described.groups[0].members.at(0).member_assignment, "work");
  ListGroupsRequest list{.states_filter = {"stable"}};
  EXPECT_EQ(ask<ListGroupsResponse>(list, 5).groups.size(), 1u);
  list.states_filter = {"Empty"};
  EXPECT_TRUE(ask<ListGroupsResponse>(list, 5).groups.empty());

  HeartbeatRequest beat{.group_id = "g", .generation_id = 1, .member_id = joined->member_id};
  EXPECT_EQ(ask<HeartbeatResponse>(beat, 4).error_code, KafkaError::None);
  LeaveGroupRequest leave{.group_id = "g", .members = {{.member_id = joined->member_id}}};
  const auto left = ask<LeaveGroupResponse>(leave, 5);
  EXPECT_EQ(left.members.at(0).error_code, KafkaError::None);
  const auto deleted = ask<DeleteGroupsResponse>(DeleteGroupsRequest{{"g", "none"}}, 2);
  EXPECT_EQ(deleted.results.at(0).error_code, KafkaError::None);
  EXPECT_EQ(deleted.results.at(1).error_code, server::coordinator::kGroupIdNotFound);
}

TEST_F(SessionTest, a_missing_group_is_dead_to_old_clients_and_an_error_to_new_ones) {
  const DescribeGroupsRequest request{.groups = {"none"}};
  const auto old = ask<DescribeGroupsResponse>(request, 5);
  EXPECT_EQ(old.groups.at(0).error_code, KafkaError::None);
  EXPECT_EQ(old.groups.at(0).group_state, "Dead");
  const auto now = ask<DescribeGroupsResponse>(request, 6);
  EXPECT_EQ(now.groups.at(0).error_code, server::coordinator::kGroupIdNotFound);
  EXPECT_EQ(now.groups.at(0).error_message, "Group none not found.");
}

TEST_F(SessionTest, offsets_are_committed_and_asked_for_in_each_shape) {
  create_topic("orders", 2);
  OffsetCommitRequest commit;
  commit.group_id = "g";
  commit.generation_id_or_member_epoch = -1;
  commit.topics = {{"orders", {{1, 42, 3, "note"}, {7, 1, -1, std::nullopt}}}};
  const auto committed = ask<OffsetCommitResponse>(commit, 8);
  EXPECT_EQ(committed.topics.at(0).partitions.at(0).error_code, KafkaError::None);
  EXPECT_EQ(committed.topics.at(0).partitions.at(1).error_code,
            KafkaError::UnknownTopicOrPartition);

  OffsetFetchRequest one;
  one.group_id = "g";
  one.topics = {{{"orders", {0, 1}}}};
  for (const auto version : {int16_t{1}, int16_t{5}, int16_t{7}}) {
    const auto fetched = ask<OffsetFetchResponse>(one, version);
    EXPECT_EQ(fetched.topics.at(0).partitions.at(0).committed_offset, -1);
    EXPECT_EQ(fetched.topics.at(0).partitions.at(1).committed_offset, 42) << version;
    EXPECT_EQ(fetched.topics.at(0).partitions.at(1).committed_leader_epoch, version < 5 ? -1 : 3);
  }
  one.topics.reset();
  EXPECT_EQ(ask<OffsetFetchResponse>(one, 2).topics.at(0).partitions.size(), 1u);

  OffsetFetchRequest many;
  many.groups = {{.group_id = "g", .topics = std::nullopt}, {.group_id = "none"}};
  many.groups[1].topics = {{{"orders", {0}}}};
  const auto fetched = ask<OffsetFetchResponse>(many, 9);
  EXPECT_EQ(fetched.groups.at(0).topics.at(0).partitions.at(0).committed_offset, 42);
  EXPECT_EQ(fetched.groups.at(1).topics.at(0).partitions.at(0).committed_offset, -1);

  OffsetDeleteRequest remove;
  remove.group_id = "g";
  remove.topics = {{"orders", {{1}}}};
  EXPECT_EQ(ask<OffsetDeleteResponse>(remove, 0).error_code, KafkaError::None);
  EXPECT_TRUE(ask<OffsetFetchResponse>(one, 2).topics.empty());
}

TEST_F(SessionTest, without_a_coordinator_each_request_gets_an_error) {
  backend.groups().resign();
  const auto refusal = server::coordinator::kNotCoordinator;
  HeartbeatRequest beat{.group_id = "g", .generation_id = 1, .member_id = "m"};
  EXPECT_EQ(ask<HeartbeatResponse>(beat, 4).error_code, refusal);
  OffsetFetchRequest fetch;
  fetch.group_id = "g";
  fetch.topics = {{{"orders", {0}}}};
  EXPECT_EQ(ask<OffsetFetchResponse>(fetch, 1).topics.at(0).partitions.at(0).error_code, refusal);
  EXPECT_EQ(ask<OffsetFetchResponse>(fetch, 5).error_code, refusal);
  OffsetCommitRequest commit;
  commit.group_id = "g";
  commit.topics = {{"orders", {{0, 1}}}};
  EXPECT_EQ(ask<OffsetCommitResponse>(commit, 8).topics.at(0).partitions.at(0).error_code, refusal);
}

TEST_F(SessionTest, clients_cannot_write_the_topics_of_coordinators) {
  CreateTopicsRequest create;
  create.topics = {{.name = "__consumer_offsets", .num_partitions = 1}};
  EXPECT_EQ(ask<CreateTopicsResponse>(create, 4).topics.at(0).error_code, KafkaError::InvalidTopic);
  bool is_made = false;
  backend.create_topic("__consumer_offsets", 1, {}, {},
                       [&](const auto& made) { is_made = !!made; });
  ASSERT_TRUE(is_made);
  EXPECT_EQ(produce_error(produce("__consumer_offsets", batch("x"))), KafkaError::InvalidTopic);
}
