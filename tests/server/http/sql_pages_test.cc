// Tests ksqlDB's API over a backend in memory.
#include "server/http/rest/sql_pages.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include "tests/server/http/conversation.h"
#include "tests/server/pg/fake_backend.h"

namespace server::http {
namespace {

struct Api {
  pg::FakeBackend backend;
  OpenQueries queries;
  CommandLog commands;
  SqlPages pages{{&backend}, [] { return 42; }, queries, commands};
  Conversation client{routes()};

  Routes routes() const {
    Routes routes;
    add_sql_pages(routes, pages);
    return routes;
  }
  std::string post(std::string_view path, std::string_view body, std::string_view headers = {}) {
    return client.say(fmt::format("POST {} HTTP/1.1\r\nHost: x\r\n{}Content-Length: {}\r\n\r\n{}",
                                  path, headers, body.size(), body));
  }
};

std::string body_of(const std::string& answer) {
  return answer.substr(std::min(answer.size(), answer.find("\r\n\r\n") + 4));
}

TEST(SqlPages, definitions_have_a_status) {
  Api api;
  const std::string said = api.post("/ksql", R"({"ksql":"CREATE STREAM s (a INT);"})");
  EXPECT_EQ(
      body_of(said),
      R"([{"@type":"currentStatus","statementText":"CREATE STREAM s (a INT);",)"
      R"("commandId":"stream/`S`/create","commandStatus":{"status":"SUCCESS",)"
      R"("message":"Stream created","queryId":null},"commandSequenceNumber":42,"warnings":[]}])");
  EXPECT_EQ(body_of(api.client.say("GET /status/stream/S/create HTTP/1.1\r\nHost: x\r\n\r\n")),
            R"({"status":"SUCCESS","message":"Stream created","queryId":null})");
}

TEST(SqlPages, a_definition_is_waited_for) {
  Api api;
  api.backend.holds_writes = true;
  EXPECT_EQ(api.post("/ksql", R"({"ksql":"CREATE STREAM s (a INT);"})"), "");
  api.backend.let_go();
  EXPECT_TRUE(api.client.listen().starts_with("HTTP/1.1 200 OK"));
}

TEST(SqlPages, a_long_body_is_read_elsewhere) {
  Api api;
  api.backend.holds_errands = true;
  const std::string long_body =
      R"({"ksql":"CREATE STREAM s (a INT); --)" + std::string(5000, ' ') + "\"}";
  EXPECT_EQ(api.post("/ksql", long_body), "");
  EXPECT_EQ(api.backend.errands_done, 0);
  api.backend.let_go();
  EXPECT_TRUE(api.client.listen().starts_with("HTTP/1.1 200 OK"));
  EXPECT_EQ(api.backend.errands_done, 1);
  api.backend.is_full = true;
  EXPECT_TRUE(api.post("/ksql", long_body).starts_with("HTTP/1.1 503 "));
}

TEST(SqlPages, a_client_that_disconnects_ends_its_waiting_requests) {
  auto api = std::make_unique<Api>();
  api->post("/query", R"({"ksql":"SELECT n FROM ticks EMIT CHANGES;"})");
  EXPECT_EQ(api->backend.running_pushes(), 1);
  api->client.session.receive("");
  api.reset();  // no object may refer to the API afterwards
}

TEST(SqlPages, a_push_query_shows_rows_as_they_come_and_can_be_closed) {
  Api api;
  const std::string begun =
      api.post("/query-stream", R"({"sql":"SELECT n FROM ticks EMIT CHANGES;"})");
  EXPECT_NE(begun.find(R"({"queryId":"transient_TICKS_1","columnNames":[)"), std::string::npos)
      << begun;
  api.backend.tick();
  EXPECT_NE(api.client.listen().find("[1,\"tick1\"]\n"), std::string::npos);
  EXPECT_FALSE(api.queries.close("transient_TICKS_7"));
  EXPECT_TRUE(api.queries.close("transient_TICKS_1"));  // the loop closes the query
  api.client.loop.post([&] { api.client.loop.stop(); });
  api.client.loop.run();
  EXPECT_EQ(api.client.listen(), "0\r\n\r\n");
  EXPECT_EQ(api.backend.running_pushes(), 0);
}

TEST(SqlPages, a_get_gives_server_sent_events_with_signs_of_life) {
  Api api;
  const std::string begun = api.client.say(
      "GET /query-stream?sql=SELECT+n%20FROM+ticks+EMIT+CHANGES%3B HTTP/1.1\r\nHost: x\r\n"
      "Accept: text/event-stream\r\n\r\n");
  EXPECT_NE(begun.find("content-type: text/event-stream\r\n"), std::string::npos) << begun;
  EXPECT_NE(begun.find("cache-control: no-store\r\n"), std::string::npos) << begun;
  EXPECT_NE(begun.find("event: header\ndata: {\"queryId\":\"transient_TICKS_1\""),
            std::string::npos)
      << begun;
  api.backend.tick();
  EXPECT_NE(api.client.listen().find("data: [1,\"tick1\"]\n\n"), std::string::npos);
  ASSERT_TRUE(api.client.session.deadline_us());
  api.client.wait_ms(14'000);
  EXPECT_EQ(api.client.listen(), "");
  api.client.wait_ms(1'000);
  EXPECT_NE(api.client.listen().find(":\n\n"), std::string::npos);
  api.client.session.shut_down({ErrorCode::ShuttingDown, "bye"});
  EXPECT_NE(api.client.listen().find("event: error\ndata: {"), std::string::npos);
}

TEST(SqlPages, a_get_runs_one_select_that_only_reads) {
  Api api;
  const auto get = [&](std::string_view query, std::string_view headers = {}) {
    return api.client.say(
        fmt::format("GET /query-stream{} HTTP/1.1\r\nHost: x\r\n{}\r\n", query, headers));
  };
  for (const char* wrong :
       {"", "?", "?sql=", "?sql=%2", "?auto.offset.reset=earliest", "?sql=CREATE+STREAM+s+(a+INT)",
        "?sql=INSERT+INTO+s+VALUES+(1)", "?sql=DROP+STREAM+s", "?sql=PRINT+t", "?sql=SHOW+STREAMS",
        "?sql=SELECT+1;SELECT+2", "?sql=SELECT+nextval('s')"}) {
    const std::string said = get(wrong);
    EXPECT_TRUE(said.starts_with("HTTP/1.1 400 ")) << wrong << said;
  }
  EXPECT_TRUE(get("?sql=SELECT+1", "Last-Event-ID: end\r\n").starts_with("HTTP/1.1 204 "));
}

TEST(SqlPages, a_body_that_is_no_json_is_answered_with_one_that_is) {
  Api api;
  const std::string said = api.post("/ksql", "SHOW \"STREAMS\";");
  EXPECT_TRUE(said.starts_with("HTTP/1.1 400 ")) << said;
  EXPECT_NE(said.find(R"(Send {\"ksql\":\"SHOW \\\"STREAMS\\\";\"})"), std::string::npos) << said;
  EXPECT_EQ(said.find("not JSON"), said.rfind("not JSON")) << said;
  EXPECT_NE(api.post("/query", "[]").find(R"(Send {\"ksql\":\"SELECT * FROM name;\"})"),
            std::string::npos);
  EXPECT_NE(api.post("/ksql", "[]").find(R"(Send {\"ksql\":\"SHOW STREAMS;\"})"),
            std::string::npos);
}

TEST(SqlPages, rows_can_be_messages_of_protobuf) {
  Api api;
  const std::string begun =
      api.post("/query-stream", R"({"sql":"SELECT n FROM ticks EMIT CHANGES;"})",
               "Accept: application/vnd.ksql.v1+protobuf\r\n");
  EXPECT_NE(begun.find(R"("protoSchema":"syntax = \"proto3\";)"), std::string::npos) << begun;
  api.backend.tick();
  const std::string row = api.client.listen();
  EXPECT_NE(row.find(R"({"row":{"protobufBytes":"CAESBXRpY2sx"}})"), std::string::npos) << row;
}

TEST(SqlPages, a_slow_client_pauses_its_query) {
  Api api;
  api.post("/query-stream", R"({"sql":"SELECT n FROM ticks EMIT CHANGES;"})");
  api.client.session.set_output_full(true);
  for (int i = 0; i < 3; ++i) {
    api.backend.tick();
    api.client.session.run();
  }
  EXPECT_LT(api.client.session.take_output().size(), 100);
  api.client.session.set_output_full(false);
  api.client.listen();
  api.backend.tick();
  EXPECT_NE(api.client.listen().find("]\n"), std::string::npos);
}

TEST(SqlPages, a_stop_ends_push_queries_with_a_word) {
  Api api;
  api.post("/query", R"({"ksql":"SELECT n FROM ticks EMIT CHANGES;"})");
  api.client.session.shut_down({ErrorCode::ShuttingDown, "bye"});
  const std::string said = api.client.listen();
  EXPECT_NE(
      said.find(
          R"({"errorMessage":{"@type":"generic_error","error_code":50302,"message":"bye"}}])"),
      std::string::npos)
      << said;
  EXPECT_TRUE(api.client.session.is_over());
}

TEST(SqlPages, errors_of_statements_have_their_text) {
  Api api;
  EXPECT_EQ(
      body_of(api.post("/query", R"({"ksql":"SELECT divide_by_zero();"})")),
      R"({"@type":"statement_error","error_code":40001,"message":"line 1:8: division by zero",)"
      R"("statementText":"SELECT divide_by_zero();","entities":[]})");
  for (const char* body : {"", "[]", "7", R"({"ksql":7})", R"({"ksql":"","streamsProperties":[]})",
                           R"({"ksql":"","streamsProperties":{"a":[]}})"}) {
    const std::string said = api.post("/ksql", body);
    EXPECT_TRUE(said.starts_with("HTTP/1.1 400 ")) << body << said;
    EXPECT_NE(said.find(R"("error_code":40000)"), std::string::npos) << body << said;
  }
  EXPECT_EQ(body_of(api.post("/ksql", R"({"ksql":""})")), "[]");
}

TEST(SqlPages, rows_are_inserted_and_acknowledged) {
  Api api;
  const std::string said =
      api.post("/inserts-stream", "{\"target\":\"people\"}\n{\"id\":1}\n{\"id\":2}");
  EXPECT_NE(said.find("{\"status\":\"ok\",\"seq\":0}\n{\"status\":\"ok\",\"seq\":1}"),
            std::string::npos)
      << said;
  EXPECT_EQ(api.backend.copied_json, (std::vector<std::string>{"{\"id\":1}", "{\"id\":2}"}));
  EXPECT_TRUE(api.post("/inserts-stream", "{}\n").starts_with("HTTP/1.1 400 "));
}

}  // namespace
}  // namespace server::http
