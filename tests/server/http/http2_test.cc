#include <gtest/gtest.h>
#include <nghttp2/nghttp2.h>

#include <map>

#include "tests/server/http/conversation.h"

namespace server::http {
namespace {

// A client built with nghttp2, which exchanges bytes with a session without a socket.
class Client {
 public:
  explicit Client(Conversation& server, uint32_t window = 65'535) : server_(server) {
    nghttp2_session_callbacks* callbacks = nullptr;
    nghttp2_session_callbacks_new(&callbacks);
    nghttp2_session_callbacks_set_on_header_callback(
        callbacks,
        [](nghttp2_session*, const nghttp2_frame* frame, const uint8_t* name, size_t name_size,
           const uint8_t* value, size_t value_size, uint8_t, void* user) {
          auto& answer = static_cast<Client*>(user)->answers[frame->hd.stream_id];
          answer.headers[std::string(reinterpret_cast<const char*>(name), name_size)] =
              std::string(reinterpret_cast<const char*>(value), value_size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_data_chunk_recv_callback(
        callbacks,
        [](nghttp2_session*, uint8_t, int32_t id, const uint8_t* data, size_t size, void* user) {
          static_cast<Client*>(user)->answers[id].body.append(reinterpret_cast<const char*>(data),
                                                              size);
          return 0;
        });
    nghttp2_session_callbacks_set_on_stream_close_callback(
        callbacks, [](nghttp2_session*, int32_t id, uint32_t error, void* user) {
          static_cast<Client*>(user)->answers[id].end = error;
          return 0;
        });
    nghttp2_option* options = nullptr;
    nghttp2_option_new(&options);
    nghttp2_option_set_no_auto_window_update(options, 1);
    nghttp2_session_client_new2(&session_, callbacks, this, options);
    nghttp2_option_del(options);
    nghttp2_session_callbacks_del(callbacks);
    const nghttp2_settings_entry settings{NGHTTP2_SETTINGS_INITIAL_WINDOW_SIZE, window};
    nghttp2_submit_settings(session_, NGHTTP2_FLAG_NONE, &settings, 1);
  }
  ~Client() { nghttp2_session_del(session_); }

  struct Answer {
    std::map<std::string, std::string> headers;
    std::string body;
    std::optional<uint32_t> end;
    const std::string& status() { return headers[":status"]; }
  };
  std::map<int32_t, Answer> answers;

  struct Body {
    std::string bytes;
    size_t sent = 0;
    bool is_whole = true;
  };
  int32_t ask(std::string method, std::string path, Body* body = nullptr) {
    const auto field = [](std::string_view name, const std::string& value) {
      return nghttp2_nv{reinterpret_cast<uint8_t*>(const_cast<char*>(name.data())),
                        reinterpret_cast<uint8_t*>(const_cast<char*>(value.data())), name.size(),
                        value.size(), NGHTTP2_NV_FLAG_NONE};
    };
    const std::string scheme = "http", host = "x";
    const nghttp2_nv fields[] = {field(":method", method), field(":scheme", scheme),
                                 field(":authority", host), field(":path", path)};
    nghttp2_data_provider provider;
    provider.source.ptr = body;
    provider.read_callback = [](nghttp2_session*, int32_t, uint8_t* to, size_t size,
                                uint32_t* flags, nghttp2_data_source* source, void*) -> ssize_t {
      auto& from = *static_cast<Body*>(source->ptr);
      const size_t count = std::min(size, from.bytes.size() - from.sent);
      if (count == 0 && !from.is_whole) return NGHTTP2_ERR_DEFERRED;
      from.bytes.copy(reinterpret_cast<char*>(to), count, from.sent);
      from.sent += count;
      if (from.is_whole && from.sent == from.bytes.size()) *flags |= NGHTTP2_DATA_FLAG_EOF;
      return static_cast<ssize_t>(count);
    };
    return nghttp2_submit_request(session_, nullptr, fields, std::size(fields),
                                  body ? &provider : nullptr, nullptr);
  }

  // Exchanges bytes until neither side has anything to send.
  void talk() {
    for (bool is_silent = false; !is_silent;) {
      std::string said;
      const uint8_t* bytes = nullptr;
      for (ssize_t size; (size = nghttp2_session_mem_send(session_, &bytes)) > 0;)
        said.append(reinterpret_cast<const char*>(bytes), static_cast<size_t>(size));
      const std::string answer = server_.say(said);
      is_silent = said.empty() && answer.empty();
      nghttp2_session_mem_recv(session_, reinterpret_cast<const uint8_t*>(answer.data()),
                               answer.size());
    }
  }
  nghttp2_session* session() { return session_; }

 private:
  Conversation& server_;
  nghttp2_session* session_ = nullptr;
};

TEST(Http2, requests_are_answered_as_they_are_done) {
  Conversation server(test_routes());
  Client client(server);
  const int32_t never = client.ask("GET", "/never"), hello = client.ask("GET", "/hello");
  Client::Body body{"abc"};
  const int32_t echo = client.ask("POST", "/echo", &body), missing = client.ask("GET", "/missing");
  client.talk();
  EXPECT_FALSE(client.answers[never].end.has_value());
  EXPECT_EQ(client.answers[hello].status(), "200");
  EXPECT_EQ(client.answers[hello].headers["content-length"], "6");
  EXPECT_EQ(client.answers[hello].body, "hello\n");
  EXPECT_EQ(client.answers[echo].body, "abc");
  EXPECT_EQ(client.answers[missing].status(), "404");
}

TEST(Http2, output_is_bounded_by_the_clients_window) {
  Conversation server(test_routes());
  Client client(server, 1'000);
  const int32_t id = client.ask("GET", "/count/100000");
  client.talk();
  EXPECT_EQ(client.answers[id].body.size(), 1'000);
  EXPECT_LT(server.memory.held_bytes(MemoryKind::Results), 3 * server.limits.max_unsent_bytes);
  nghttp2_submit_window_update(client.session(), NGHTTP2_FLAG_NONE, id, 10'000'000);
  nghttp2_submit_window_update(client.session(), NGHTTP2_FLAG_NONE, 0, 10'000'000);
  client.talk();
  EXPECT_TRUE(client.answers[id].body.ends_with("000099999\n"));
  EXPECT_EQ(client.answers[id].end, NGHTTP2_NO_ERROR);
}

TEST(Http2, streams_that_are_not_read_are_counted_together_and_stop_no_other) {
  Conversation server(test_routes());
  Client client(server, 0);
  std::vector<int32_t> ids;
  for (int i = 0; i < 30; ++i) ids.push_back(client.ask("GET", "/count/20000"));
  client.talk();
  const size_t most = server.limits.max_unsent_bytes_of_streams + server.limits.max_unsent_bytes +
                      ids.size() * 2 * MemoryBudget::kShortAnswerBytes;
  EXPECT_LT(server.session.unsent_bytes(), most);
  EXPECT_LT(server.memory.held_bytes(MemoryKind::Results), 2 * most);
  const int32_t hello = client.ask("GET", "/hello");
  client.talk();
  for (const int32_t id : {hello, ids.back()})
    nghttp2_submit_window_update(client.session(), NGHTTP2_FLAG_NONE, id, 10'000'000);
  nghttp2_submit_window_update(client.session(), NGHTTP2_FLAG_NONE, 0, 100'000'000);
  client.talk();
  EXPECT_EQ(client.answers[hello].body, "hello\n");
  EXPECT_TRUE(client.answers[ids.back()].body.ends_with("000019999\n"));
  for (const int32_t id : ids)
    nghttp2_submit_window_update(client.session(), NGHTTP2_FLAG_NONE, id, 10'000'000);
  client.talk();
  for (const int32_t id : ids) EXPECT_TRUE(client.answers[id].body.ends_with("000019999\n")) << id;
  EXPECT_EQ(server.session.unsent_bytes(), 0);
}

TEST(Http2, a_request_behind_many_unread_answers_is_refused_with_the_reason) {
  Conversation server(test_routes());
  Client client(server, 0);
  std::vector<int32_t> ids;
  for (int i = 0; i < 60; ++i) ids.push_back(client.ask("GET", "/count/20000"));
  client.talk();
  for (const int32_t id : ids)
    nghttp2_submit_window_update(client.session(), NGHTTP2_FLAG_NONE, id, 10'000'000);
  nghttp2_submit_window_update(client.session(), NGHTTP2_FLAG_NONE, 0, 100'000'000);
  client.talk();
  size_t whole = 0, refused = 0;
  for (const int32_t id : ids) {
    auto& answer = client.answers[id];
    whole += answer.status() == "200" && answer.body.ends_with("000019999\n");
    refused += answer.status() == "503" && answer.body.find("are not read") != std::string::npos;
  }
  EXPECT_GE(whole, 32);
  EXPECT_GT(refused, 0);
  EXPECT_EQ(whole + refused, ids.size());
  const int32_t hello = client.ask("GET", "/hello");
  client.talk();
  EXPECT_EQ(client.answers[hello].status(), "200");
}

TEST(Http2, output_is_small_while_the_answers_memory_is_used_up_and_continues_later) {
  Conversation server(test_routes());
  MemoryAccount other(server.memory);
  MemoryCharge unread(&other, MemoryKind::Results);
  unread.resize(server.memory.limit_bytes() / 2);
  Client client(server, 0);
  std::vector<int32_t> ids;
  for (int i = 0; i < 30; ++i) ids.push_back(client.ask("GET", "/count/20000"));
  client.talk();
  EXPECT_LT(server.session.unsent_bytes(), 20 * MemoryBudget::kShortAnswerBytes);
  unread.resize(0);
  server.wait_ms(100);  // the session checks the output again
  ASSERT_TRUE(server.session.deadline_us());
  for (const int32_t id : ids)
    nghttp2_submit_window_update(client.session(), NGHTTP2_FLAG_NONE, id, 10'000'000);
  nghttp2_submit_window_update(client.session(), NGHTTP2_FLAG_NONE, 0, 100'000'000);
  client.talk();
  for (const int32_t id : ids) EXPECT_TRUE(client.answers[id].body.ends_with("000019999\n")) << id;
}

TEST(Http2, a_blocking_client_is_disconnected_with_its_unread_answers) {
  Conversation server(test_routes());
  Client client(server, 0);
  client.ask("GET", "/count/100000");
  client.talk();
  EXPECT_GT(server.session.unsent_bytes(), 0);
  server.session.shut_down({ErrorCode::OutOfMemory, "not enough memory"});
  client.talk();
  EXPECT_TRUE(server.session.is_over());
  EXPECT_EQ(server.session.end_reason(), "not enough memory");
}

TEST(Http2, an_answer_that_a_slow_client_never_takes_whole_is_not_kept) {
  Conversation server(test_routes());
  Client client(server, 1'000);
  const int32_t id = client.ask("GET", "/count/1000000");
  client.talk();
  nghttp2_submit_window_update(client.session(), NGHTTP2_FLAG_NONE, 0, 100'000'000);
  for (int i = 0; i < 300; ++i) {
    nghttp2_submit_window_update(client.session(), NGHTTP2_FLAG_NONE, id, 10'000);
    client.talk();
  }
  EXPECT_EQ(client.answers[id].body.size(), 3'001'000);
  EXPECT_LT(server.memory.held_bytes(MemoryKind::Results), 4 * server.limits.max_unsent_bytes);
}

TEST(Http2, a_large_body_comes_and_one_that_is_too_large_is_refused) {
  Conversation server(test_routes(), {.max_body_bytes = 1 << 20});
  Client client(server);
  Client::Body fits{std::string(1 << 20, 'x')}, too_much{std::string((1 << 20) + 1, 'x')};
  const int32_t echo = client.ask("POST", "/echo", &fits);
  client.talk();
  EXPECT_EQ(client.answers[echo].status(), "200");
  const int32_t refused = client.ask("POST", "/echo", &too_much);
  client.talk();
  EXPECT_EQ(client.answers[refused].status(), "413");
}

TEST(Http2, a_body_is_handed_on_in_pieces) {
  Conversation server(test_routes());
  Client client(server);
  Client::Body body{.bytes = "abc", .is_whole = false};
  const int32_t id = client.ask("POST", "/pieces", &body);
  client.talk();
  EXPECT_EQ(client.answers[id].body, "3\n");
  body.bytes += "defgh";
  body.is_whole = true;
  nghttp2_session_resume_data(client.session(), id);
  client.talk();
  EXPECT_EQ(client.answers[id].body, "3\n5\nend\n");
}

TEST(Http2, an_answer_that_fails_is_seen_to_be_broken) {
  Conversation server(test_routes());
  Client client(server);
  const int32_t id = client.ask("GET", "/broken");
  client.talk();
  EXPECT_EQ(client.answers[id].end, NGHTTP2_INTERNAL_ERROR);
}

TEST(Http2, a_cancelled_stream_ends) {
  Conversation server(test_routes());
  Client client(server);
  const int32_t id = client.ask("GET", "/count/100000000");
  client.talk();
  nghttp2_submit_rst_stream(client.session(), NGHTTP2_FLAG_NONE, id, NGHTTP2_CANCEL);
  client.talk();
  EXPECT_EQ(server.memory.held_bytes(MemoryKind::Results), 0);
}

TEST(Http2, a_stop_ends_running_streams) {
  Conversation server(test_routes());
  Client client(server);
  const int32_t id = client.ask("GET", "/never");
  client.talk();
  server.session.shut_down({ErrorCode::ShuttingDown, "bye"});
  client.talk();
  EXPECT_EQ(client.answers[id].status(), "503");
  EXPECT_TRUE(server.session.is_over());
}

TEST(Http2, nonsense_after_the_preface_ends_the_connection) {
  Conversation server(test_routes());
  server.say("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + std::string(100, 'x'));
  server.listen();
  EXPECT_TRUE(server.session.is_over());
  EXPECT_NE(server.session.end_reason(), "");
}

TEST(Http2, slow_clients_are_cut_off) {
  Conversation server(test_routes());
  Client client(server);
  Client::Body body{.bytes = "a", .is_whole = false};
  const int32_t id = client.ask("POST", "/echo", &body);
  client.talk();
  server.wait_ms(server.limits.body_timeout_ms);
  client.talk();
  EXPECT_EQ(client.answers[id].status(), "408");
  server.wait_ms(server.limits.idle_timeout_ms);
  server.listen();
  server.listen();
  EXPECT_TRUE(server.session.is_over());
}

}  // namespace
}  // namespace server::http
