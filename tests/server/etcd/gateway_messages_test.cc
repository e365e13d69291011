#include "server/etcd/gateway_messages.h"

#include <gtest/gtest.h>

using namespace server;
using storage::EtcdLease;
using storage::EtcdRange;
using storage::EtcdRevision;

// The answers have the form in which etcd 3.4 sends them.

TEST(GatewayMessages, a_transaction_has_its_conditions_puts_and_removals) {
  storage::EtcdTransaction transaction;
  transaction.conditions.push_back({"a", EtcdRevision{7}});
  transaction.puts.push_back({"b", "value", EtcdLease{12}});
  transaction.removals.push_back({"c", "d"});
  EXPECT_EQ(
      transaction_body(transaction),
      R"({"compare":[{"target":"CREATE","result":"EQUAL","key":"YQ==","create_revision":"7"}],)"
      R"("success":[{"request_put":{"key":"Yg==","value":"dmFsdWU=","lease":"12"}},)"
      R"({"request_delete_range":{"key":"Yw==","range_end":"ZA=="}}]})");
}

TEST(GatewayMessages, a_transaction_may_ask_that_a_key_has_not_changed) {
  storage::EtcdTransaction transaction;
  transaction.conditions.push_back({"a", EtcdRevision{7}});
  transaction.unchanged.push_back({"b", EtcdRevision{0}});
  EXPECT_EQ(
      transaction_body(transaction),
      R"({"compare":[{"target":"CREATE","result":"EQUAL","key":"YQ==","create_revision":"7"},)"
      R"({"target":"MOD","result":"EQUAL","key":"Yg==","mod_revision":"0"}],"success":[]})");
}

TEST(GatewayMessages, a_refusal_shows_whether_the_revision_was_compacted) {
  const Error forgotten = read_refusal(
      400,
      R"({"error":"forgotten","message":"etcdserver: mvcc: required revision has been compacted","code":11})");
  EXPECT_EQ(forgotten.code, ErrorCode::OffsetOutOfRange);
  EXPECT_EQ(forgotten.message,
            "HTTP status 400: etcdserver: mvcc: required revision has been compacted");
  EXPECT_EQ(read_refusal(503, R"({"message":"no leader","code":14})").code,
            ErrorCode::NetworkFailure);
  EXPECT_EQ(read_refusal(502, "Bad gateway").message, "HTTP status 502: Bad gateway");
}

TEST(GatewayMessages, the_answer_to_a_failed_transaction_has_no_success_field) {
  const auto done = read_transaction(
      R"({"header":{"revision":"2"},"succeeded":true,"responses":[{"response_put":{}}]})");
  ASSERT_TRUE(done);
  EXPECT_TRUE(done->is_done);
  EXPECT_EQ(done->revision, EtcdRevision{2});
  const auto refused = read_transaction(R"({"header":{"cluster_id":"3","revision":"9"}})");
  ASSERT_TRUE(refused);
  EXPECT_FALSE(refused->is_done);
  EXPECT_EQ(refused->revision, EtcdRevision{9});
}

TEST(GatewayMessages, an_invalid_answer_leaves_the_outcome_unknown) {
  for (const char* body : {"", "hello", "[]", "{}", R"({"header":3})"}) {
    const auto outcome = read_transaction(body);
    ASSERT_FALSE(outcome) << body;
    EXPECT_EQ(outcome.error().code, ErrorCode::NetworkFailure) << body;
  }
}

TEST(GatewayMessages, a_range_has_entries_and_may_have_more) {
  const auto page = read_range(
      R"({"header":{"revision":"5"},"kvs":[{"key":"YQ==","create_revision":"2","mod_revision":"3",)"
      R"("version":"1","value":"YQ=="},{"key":"Yg==","create_revision":"4","mod_revision":"4"}],)"
      R"("more":true,"count":"3"})");
  ASSERT_TRUE(page);
  EXPECT_TRUE(page->has_more);
  ASSERT_EQ(page->found.entries.size(), 2U);
  EXPECT_EQ(page->found.entries[0].value, "a");
  EXPECT_EQ(page->found.entries[0].created, EtcdRevision{2});
  EXPECT_EQ(page->found.entries[0].modified, EtcdRevision{3});
  EXPECT_EQ(page->found.entries[1].value, "");
  const auto empty = read_range(R"({"header":{"revision":"5"}})");
  ASSERT_TRUE(empty);
  EXPECT_TRUE(empty->found.entries.empty());
}

TEST(GatewayMessages, a_lease_that_is_gone_has_no_time_left) {
  const auto kept = read_keep_alive(R"({"result":{"header":{},"ID":"123","TTL":"2"}})");
  ASSERT_TRUE(kept);
  EXPECT_EQ(*kept, EtcdLease{123});
  const auto gone = read_keep_alive(R"({"result":{"header":{},"ID":"123"}})");
  ASSERT_FALSE(gone);
  EXPECT_EQ(gone.error().code, ErrorCode::OffsetOutOfRange);
}

TEST(GatewayMessages, a_watch_reports_puts_and_removals) {
  const auto put = read_watched(
      R"({"result":{"header":{"revision":"2"},"events":[{"kv":{"key":"YQ==","create_revision":"2",)"
      R"("mod_revision":"2","value":"YQ=="}},{"type":"DELETE","kv":{"key":"Yg==","mod_revision":"2"}}]}})");
  ASSERT_TRUE(put);
  ASSERT_EQ(put->events.size(), 2U);
  ASSERT_TRUE(put->events[0].entry);
  EXPECT_EQ(put->events[0].entry->value, "a");
  EXPECT_EQ(put->events[1].key, "b");
  EXPECT_FALSE(put->events[1].entry);
}

TEST(GatewayMessages, a_watch_that_begins_too_early_is_refused) {
  const auto events =
      read_watched(R"({"result":{"header":{},"canceled":true,"compact_revision":"3"}})");
  ASSERT_FALSE(events);
  EXPECT_EQ(events.error().code, ErrorCode::OffsetOutOfRange);
  const auto canceled = read_watched(R"({"result":{"header":{},"canceled":true}})");
  ASSERT_FALSE(canceled);
  EXPECT_EQ(canceled.error().code, ErrorCode::NetworkFailure);
}

TEST(GatewayMessages, a_member_that_never_started_has_no_name) {
  const auto members = read_members(
      R"({"header":{},"members":[{"ID":"12","name":"node-1","peerURLs":["http://a:1",)"
      R"("http://b:1"],"clientURLs":["http://a:2"]},{"ID":"7","peerURLs":["http://c:1"]}]})");
  ASSERT_TRUE(members);
  ASSERT_EQ(members->size(), 2U);
  EXPECT_EQ((*members)[0].id, "12");
  EXPECT_EQ((*members)[0].peers, (std::vector<std::string>{"http://a:1", "http://b:1"}));
  EXPECT_EQ((*members)[1].name, "");
  EXPECT_TRUE((*members)[0].has_clients);
  EXPECT_FALSE((*members)[1].has_clients);
  for (const char* no_answer :
       {"", "[]", R"({"members":{}})", R"({"members":[{"name":"x","peerURLs":[]}]})",
        R"({"members":[{"ID":"1"}]})"})
    EXPECT_FALSE(read_members(no_answer)) << no_answer;
}
