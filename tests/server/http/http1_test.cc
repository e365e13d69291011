#include <gtest/gtest.h>

#include "tests/server/http/conversation.h"

namespace server::http {
namespace {

const std::string kHello =
    "HTTP/1.1 200 OK\r\ndate: Sun, 06 Nov 1994 08:49:37 GMT\r\ncontent-type: text/plain\r\n"
    "content-length: 6\r\n\r\nhello\n";

std::string get(std::string_view path, std::string_view headers = {}) {
  return "GET " + std::string(path) + " HTTP/1.1\r\nHost: x\r\n" + std::string(headers) + "\r\n";
}

int status_of(const std::string& answer) {
  return answer.starts_with("HTTP/1.1 ") ? std::atoi(answer.c_str() + 9) : 0;
}

TEST(Http1, a_request_is_answered_and_the_connection_stays) {
  Conversation client(test_routes());
  EXPECT_EQ(client.say(get("/hello")), kHello);
  EXPECT_EQ(client.say(get("/hello/?a=b")), kHello);
  EXPECT_FALSE(client.session.is_over());
}

TEST(Http1, a_request_may_come_byte_by_byte) {
  Conversation client(test_routes());
  const std::string request =
      "POST /echo HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
      "3\r\nabc\r\n5;a=b\r\ndefgh\r\n0\r\nTrailer: x\r\n\r\n";
  std::string said;
  for (const char byte : request) said += client.say({&byte, 1});
  EXPECT_TRUE(said.ends_with("content-length: 8\r\n\r\nabcdefgh")) << said;
  EXPECT_EQ(client.say(get("/hello")), kHello);
}

TEST(Http1, pipelined_requests_are_answered_in_their_order) {
  Conversation client(test_routes());
  const std::string said = client.say(get("/count/2") + get("/hello") + get("/hello"));
  const size_t counted = said.find("0\r\n\r\nHTTP/1.1 200 OK");
  ASSERT_NE(counted, std::string::npos) << said;
  EXPECT_EQ(said.substr(counted + 5), kHello + kHello);
}

TEST(Http1, a_request_waits_for_the_answer_to_the_one_before_it) {
  Conversation client(test_routes());
  EXPECT_EQ(client.say(get("/never") + get("/hello")), "");
  EXPECT_TRUE(client.session.wants_input());
  client.session.receive(std::string(client.limits.max_waiting_bytes, 'x'));
  EXPECT_FALSE(client.session.wants_input());  // more bytes wait in the socket
}

TEST(Http1, a_long_answer_comes_in_chunks_and_as_fast_as_the_client_takes_it) {
  Conversation client(test_routes());
  client.session.receive(get("/count/100000"));
  client.session.run();
  const std::string first = client.session.take_output();
  EXPECT_LT(first.size(), 2 * client.limits.max_unsent_bytes);
  client.session.set_output_full(true);
  client.session.run();
  EXPECT_EQ(client.session.take_output(), "");  // no further output is produced
  client.session.set_output_full(false);
  const std::string rest = client.listen();
  EXPECT_NE(first.find("a\r\n000000000\n\r\n"), std::string::npos);
  EXPECT_TRUE(rest.ends_with("a\r\n000099999\n\r\n0\r\n\r\n"));
}

TEST(Http1, a_client_of_http_1_0_gets_no_chunks) {
  Conversation client(test_routes());
  const std::string said = client.say("GET /count/1 HTTP/1.0\r\n\r\n");
  EXPECT_TRUE(said.ends_with("connection: close\r\n\r\n000000000\n")) << said;
  EXPECT_TRUE(client.session.is_over());
}

TEST(Http1, connection_close_is_heeded) {
  Conversation client(test_routes());
  const std::string said = client.say(get("/hello", "Connection: close\r\n"));
  EXPECT_NE(said.find("connection: close\r\n"), std::string::npos);
  EXPECT_TRUE(client.session.is_over());
}

TEST(Http1, head_has_the_head_of_get) {
  Conversation client(test_routes());
  const std::string said = client.say("HEAD /hello HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(said, kHello.substr(0, kHello.size() - 6));
  EXPECT_EQ(client.say(get("/hello")), kHello);
}

TEST(Http1, unknown_paths_and_wrong_methods_are_refused_and_the_connection_stays) {
  Conversation client(test_routes());
  const std::string missing = client.say(get("/no%22where"));
  EXPECT_EQ(status_of(missing), 404);
  EXPECT_TRUE(missing.ends_with(
      R"({"@type":"generic_error","error_code":40400,"message":"unknown path /no\"where"})"))
      << missing;
  const std::string wrong =
      client.say("POST /hello HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\nhi");
  EXPECT_EQ(status_of(wrong), 405);
  EXPECT_NE(wrong.find("allow: GET, HEAD\r\n"), std::string::npos);
  EXPECT_EQ(client.say(get("/hello")), kHello);
}

TEST(Http1, a_body_may_be_announced_before_it_comes) {
  Conversation client(test_routes());
  EXPECT_EQ(
      client.say(
          "POST /echo HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n"),
      "HTTP/1.1 100 Continue\r\n\r\n");
  EXPECT_TRUE(client.say("abc").ends_with("\r\n\r\nabc"));
}

TEST(Http1, a_body_is_handed_on_in_pieces_where_the_route_wants_that) {
  Conversation client(test_routes());
  std::string said = client.say("POST /pieces HTTP/1.1\r\nHost: x\r\nContent-Length: 8\r\n\r\nabc");
  EXPECT_TRUE(said.ends_with("2\r\n3\n\r\n")) << said;
  said = client.say("defgh" + get("/hello"));
  EXPECT_EQ(said, "2\r\n5\n\r\n4\r\nend\n\r\n0\r\n\r\n" + kHello);
}

TEST(Http1, an_answer_that_fails_is_seen_to_be_broken) {
  Conversation client(test_routes());
  const std::string said = client.say(get("/broken") + get("/hello"));
  EXPECT_TRUE(said.ends_with("half of it\r\n")) << said;  // the last chunk is missing
  EXPECT_TRUE(client.session.is_over());
}

struct Bad {
  std::string request;
  int status;
};
class BadRequest : public testing::TestWithParam<Bad> {};

TEST_P(BadRequest, is_answered_with_the_error_and_the_connection_ends) {
  Conversation client(test_routes(), {.max_body_bytes = 100});
  const std::string said = client.say(GetParam().request);
  EXPECT_EQ(status_of(said), GetParam().status) << said;
  EXPECT_NE(said.find("connection: close\r\n"), std::string::npos) << said;
  EXPECT_TRUE(client.session.is_over());
  EXPECT_EQ(client.say(get("/hello")), "");
}

const std::string kPost = "POST /echo HTTP/1.1\r\nHost: x\r\n";
INSTANTIATE_TEST_SUITE_P(
    All, BadRequest,
    testing::Values(
        Bad{std::string("\x16\x03\x01\x02", 4) + "TLS it is", 400}, Bad{"hello\r\n\r\n", 400},
        Bad{"GET /hello HTTP/1.1\r\n\r\n", 400},  // the Host header is missing
        Bad{"GET /hello HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n", 400},
        Bad{"GET /hello HTTP/3.0\r\nHost: x\r\n\r\n", 400}, Bad{get("/hel%zzlo"), 400},
        Bad{get("/hello", "a b: c\r\n"), 400}, Bad{get("/hello", std::string("a: \0\r\n", 6)), 400},
        Bad{kPost + "Content-Length: 1\r\nContent-Length: 2\r\n\r\nab", 400},
        Bad{kPost + "Content-Length: 1x\r\n\r\na", 400},
        Bad{kPost + "Content-Length: -1\r\n\r\n", 400},
        Bad{kPost + "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400},
        Bad{kPost + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            400},
        Bad{kPost + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", 501},
        Bad{kPost + "Transfer-Encoding: chunked\r\n\r\nzz\r\n", 400},
        Bad{kPost + "Content-Length: 101\r\n\r\n", 413},
        Bad{kPost + "Transfer-Encoding: chunked\r\n\r\n65\r\n" + std::string(101, 'a'), 413},
        Bad{get("/" + std::string(9000, 'a')), 414},
        Bad{get("/hello", "a: " + std::string(33'000, 'a') + "\r\n"), 431},
        Bad{"GET /hello HTTP/1.1\r\n" +
                [] {
                  std::string headers;
                  for (int i = 0; i < 101; ++i) headers += "a: b\r\n";
                  return headers;
                }() +
                "\r\n",
            431}));

TEST(Http1, slow_clients_are_cut_off) {
  Conversation idle(test_routes());
  idle.say(get("/hello"));
  idle.wait_ms(idle.limits.idle_timeout_ms - 1);
  EXPECT_EQ(idle.listen(), "");
  EXPECT_FALSE(idle.session.is_over());
  idle.wait_ms(1);
  EXPECT_EQ(idle.listen(), "");
  EXPECT_TRUE(idle.session.is_over());

  Conversation drops(test_routes());
  const std::string request = get("/hello");
  std::string said;
  for (size_t i = 0; i < 11 && said.empty(); ++i) {  // sends one byte each second
    said = drops.say(request.substr(i, 1));
    drops.wait_ms(1'000);
  }
  EXPECT_EQ(status_of(said), 408);
  EXPECT_TRUE(drops.session.is_over());

  Conversation body(test_routes());
  body.say("POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\na");
  ASSERT_TRUE(body.session.deadline_us().has_value());
  body.clock.advance_us(*body.session.deadline_us() - body.clock.monotonic_us());
  EXPECT_EQ(status_of(body.listen()), 408);
}

TEST(Http1, a_connection_without_a_first_request_is_closed_soon) {
  for (const char* begin : {"", "PRI", "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"}) {
    Conversation silent(test_routes());
    if (*begin) silent.say(begin);
    silent.listen();
    silent.wait_ms(silent.limits.head_timeout_ms - 1);
    silent.listen();
    EXPECT_FALSE(silent.session.is_over()) << begin;
    silent.wait_ms(1);
    silent.listen();
    silent.listen();
    EXPECT_TRUE(silent.session.is_over()) << begin;
  }
}

TEST(Http1, a_request_that_is_being_answered_has_no_deadline) {
  Conversation client(test_routes());
  client.say(get("/never"));
  EXPECT_EQ(client.session.deadline_us(), std::nullopt);
  client.wait_ms(3'600'000);
  EXPECT_EQ(client.listen(), "");
  EXPECT_FALSE(client.session.is_over());
}

TEST(Http1, a_body_waits_for_memory) {
  Conversation client(test_routes(), {}, 4 << 20);
  const std::string head = "POST /echo HTTP/1.1\r\nHost: x\r\nContent-Length: 9000000\r\n\r\n";
  client.say(head);
  for (int i = 0; i < 100 && client.session.refused_memory().empty(); ++i)
    client.say(std::string(60'000, 'x'));
  EXPECT_NE(client.session.refused_memory(), "");
  EXPECT_LT(client.memory.held_bytes(), size_t{4} << 20);
  EXPECT_FALSE(client.session.is_over());  // the front end decides how long to wait
}

TEST(Http1, a_server_that_stops_answers_requests_that_have_begun) {
  Conversation idle(test_routes());
  idle.say(get("/hello"));
  idle.session.shut_down({ErrorCode::ShuttingDown, "bye"});
  EXPECT_EQ(idle.listen(), "");
  EXPECT_TRUE(idle.session.is_over());

  Conversation waiting(test_routes());
  waiting.say(get("/never") + get("/hello"));
  waiting.session.shut_down({ErrorCode::ShuttingDown, "bye"});
  const std::string said = waiting.listen();
  EXPECT_EQ(status_of(said), 503);
  EXPECT_TRUE(said.ends_with(R"("message":"bye"})")) << said;
  EXPECT_TRUE(waiting.session.is_over());
}

TEST(Http1, one_client_too_many_is_refused_with_the_reason) {
  Conversation client(test_routes());
  client.session.refuse({ErrorCode::TooManyConnections, "too many"});
  EXPECT_EQ(status_of(client.say(get("/hello"))), 503);
  EXPECT_TRUE(client.session.is_over());

  Conversation silent(test_routes());
  silent.session.refuse({ErrorCode::TooManyConnections, "too many"});
  silent.wait_ms(silent.limits.refusal_timeout_ms);
  silent.listen();
  EXPECT_TRUE(silent.session.is_over());
}

}  // namespace
}  // namespace server::http
