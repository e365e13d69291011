#include "server/http_client/http_thread.h"

#include <curl/curl.h>
#include <fmt/format.h>

#include <array>
#include <atomic>
#include <map>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

#include "server/http_client/addresses.h"

namespace server {

namespace {

// The interval of keep-alive probes, which detect machines that are gone. They are needed for
// watches, which may receive nothing for hours.
constexpr long kKeepAliveS = 1;
constexpr int kPollMs = 10'000;

// Initializes libcurl, once per process. This has to happen before threads use libcurl.
void init_library() {
  static const CURLcode done = curl_global_init(CURL_GLOBAL_DEFAULT);
  (void)done;
}

// One running request. libcurl identifies it by its address.
struct Transfer {
  explicit Transfer(HttpThread::Request asked) : request(std::move(asked)), easy(curl_easy_init()) {
    const bool is_head = request.method == "HEAD";
    const bool has_body = request.method != "GET" && request.method != "DELETE" && !is_head;
    if (has_body && !request.content_type.empty())
      headers = curl_slist_append(nullptr, ("Content-Type: " + request.content_type).c_str());
    // libcurl sends a header without a value only if a semicolon follows its name.
    for (const auto& [name, value] : request.headers)
      headers =
          curl_slist_append(headers, (value.empty() ? name + ";" : name + ": " + value).c_str());
    if (!request.accept.empty())
      headers = curl_slist_append(headers, ("Accept: " + request.accept).c_str());
    // An empty Expect header: otherwise libcurl would wait for a 100-continue response before it
    // sends a large body.
    headers = curl_slist_append(headers, "Expect:");
    curl_easy_setopt(easy, CURLOPT_URL, request.url.c_str());
    curl_easy_setopt(easy, CURLOPT_HTTPHEADER, headers);
    if (has_body) {
      curl_easy_setopt(easy, CURLOPT_POSTFIELDS, request.body.data());
      curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
                       static_cast<curl_off_t>(request.body.size()));
    }
    // The answer to HEAD has the length of a body that does not follow.
    if (is_head) curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, request.method.c_str());
    curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    if (!request.user_and_password.empty()) {
      curl_easy_setopt(easy, CURLOPT_HTTPAUTH, CURLAUTH_BASIC);
      curl_easy_setopt(easy, CURLOPT_USERPWD, request.user_and_password.c_str());
    }
    curl_easy_setopt(easy, CURLOPT_PRIVATE, this);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, this);
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, &Transfer::on_bytes);
    curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, error.data());
    if (!request.allows_private_addresses)
      curl_easy_setopt(easy, CURLOPT_OPENSOCKETFUNCTION, &Transfer::open_public_socket);
    curl_easy_setopt(easy, CURLOPT_OPENSOCKETDATA, this);
    curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(easy, CURLOPT_NOPROXY, "*");
    curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
                     static_cast<long>(request.connect_timeout_ms));
    curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, static_cast<long>(request.timeout_ms));
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, kKeepAliveS);
    curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, kKeepAliveS);
  }
  ~Transfer() {
    curl_easy_cleanup(easy);
    curl_slist_free_all(headers);
  }
  Transfer(const Transfer&) = delete;
  Transfer& operator=(const Transfer&) = delete;

  static size_t on_bytes(char* bytes, size_t size, size_t count, void* self) {
    auto* transfer = static_cast<Transfer*>(self);
    transfer->answered_bytes += size * count;
    // a result other than the number of bytes makes libcurl end the transfer
    if (transfer->answered_bytes > transfer->request.max_answer_bytes) return 0;
    transfer->request.on_bytes({bytes, size * count});
    return size * count;
  }
  static curl_socket_t open_public_socket(void* self, curlsocktype, curl_sockaddr* address) {
    if (is_public_address(address->addr))
      return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
    static_cast<Transfer*>(self)->has_refused_address = true;
    return CURL_SOCKET_BAD;
  }
  void end(CURLcode code) {
    HttpEnd ended;
    curl_off_t retry_after_s = 0;
    curl_easy_getinfo(easy, CURLINFO_RETRY_AFTER, &retry_after_s);
    ended.retry_after_s = retry_after_s;
    long status = 0;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    if (answered_bytes > request.max_answer_bytes)
      ended.error = fmt::format("the answer has more than {} bytes", request.max_answer_bytes);
    else if (code != CURLE_OK && has_refused_address)
      ended.error = "the host has a private address";
    else if (code == CURLE_OK)
      ended.status = static_cast<int>(status);
    else
      ended.error = error[0] != '\0' ? error.data() : curl_easy_strerror(code);
    request.on_end(ended);
  }

  const HttpThread::Request request;
  CURL* const easy;
  curl_slist* headers = nullptr;
  size_t answered_bytes = 0;
  bool has_refused_address = false;
  std::array<char, CURL_ERROR_SIZE> error{};
};

}  // namespace

struct HttpThread::Impl {
  Impl() : multi((init_library(), curl_multi_init())), thread([this] { run(); }) {}
  ~Impl() {
    stop();
    for (const auto& [number, transfer] : transfers)
      curl_multi_remove_handle(multi, transfer->easy);
    transfers.clear();
    curl_multi_cleanup(multi);
  }

  void stop() {
    is_stopping = true;
    curl_multi_wakeup(multi);
    if (thread.joinable()) thread.join();
  }

  void run() {
    while (!is_stopping) {
      take_orders();
      int running = 0;
      curl_multi_perform(multi, &running);
      take_ends();
      curl_multi_poll(multi, nullptr, 0, kPollMs, nullptr);
    }
  }

  void take_orders() {
    std::vector<std::pair<uint64_t, Request>> begun;
    std::vector<uint64_t> ended;
    {
      const std::lock_guard lock(mutex);
      begun.swap(to_start);
      ended.swap(to_cancel);
    }
    for (auto& [number, request] : begun) {
      const auto& transfer =
          transfers.emplace(number, std::make_unique<Transfer>(std::move(request))).first->second;
      curl_multi_add_handle(multi, transfer->easy);
    }
    for (const uint64_t number : ended) {
      const auto found = transfers.find(number);
      if (found == transfers.end()) continue;
      curl_multi_remove_handle(multi, found->second->easy);
      transfers.erase(found);
    }
  }

  void take_ends() {
    int left = 0;
    while (const CURLMsg* message = curl_multi_info_read(multi, &left)) {
      if (message->msg != CURLMSG_DONE) continue;
      const CURLcode code = message->data.result;
      Transfer* transfer = nullptr;
      curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &transfer);
      // frees the message, which must not be used afterwards
      curl_multi_remove_handle(multi, transfer->easy);
      transfer->end(code);
      std::erase_if(transfers, [&](const auto& each) { return each.second.get() == transfer; });
    }
  }

  CURLM* const multi;
  std::map<uint64_t, std::unique_ptr<Transfer>> transfers;  // used by the thread only
  std::atomic<bool> is_stopping = false;
  std::mutex mutex;
  // Guarded by mutex
  std::vector<std::pair<uint64_t, Request>> to_start;
  std::vector<uint64_t> to_cancel;
  uint64_t last_number = 0;
  std::thread thread;  // last member, because the thread uses all others
};

HttpThread::HttpThread() : impl_(std::make_unique<Impl>()) {}
HttpThread::~HttpThread() = default;

void HttpThread::stop() { impl_->stop(); }

uint64_t HttpThread::start(Request request) {
  uint64_t number = 0;
  {
    const std::lock_guard lock(impl_->mutex);
    number = ++impl_->last_number;
    impl_->to_start.emplace_back(number, std::move(request));
  }
  curl_multi_wakeup(impl_->multi);
  return number;
}

void HttpThread::cancel(uint64_t number) {
  {
    const std::lock_guard lock(impl_->mutex);
    impl_->to_cancel.push_back(number);
  }
  curl_multi_wakeup(impl_->multi);
}

}  // namespace server
