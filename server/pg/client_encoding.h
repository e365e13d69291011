// Texts between a client that has asked for another encoding than UTF-8 and the server, which knows no other.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct UConverter;

namespace server::pg {

// Threads: the session's loop.
// Owner:   the session, and each encoder of rows that goes on in the encoding that it began in.
class ClientEncoding {
 public:
  // Null where texts go through as they are: UTF8, SQL_ASCII, and what find_client_encoding() does not know.
  static std::shared_ptr<ClientEncoding> make(std::string_view name);
  ~ClientEncoding();
  ClientEncoding(const ClientEncoding&) = delete;
  ClientEncoding& operator=(const ClientEncoding&) = delete;

  const std::string& name() const { return name_; }

  // Fails with InvalidEncoding on bytes that are none of the encoding's characters.
  Result<std::string> from_client(std::string_view text);
  // A text that comes in pieces, cut anywhere: what a piece leaves of a character goes with the next one.
  void begin_stream();
  Result<std::string> stream_from_client(std::string_view piece, bool is_last);

  // What the encoding does not have becomes a question mark: of messages and names, which have to arrive.
  std::string to_client_or_marks(std::string_view utf8);
  // Turns the end of `out`, from `begin` on, into the client's encoding. What cannot be is told by take_failure().
  void convert_end(std::string& out, size_t begin);
  // The first failure since the last call: a character that the encoding does not have.
  Status take_failure();

 private:
  struct Close {
    void operator()(UConverter* converter) const;
  };
  using Converter = std::unique_ptr<UConverter, Close>;

  ClientEncoding(std::string name, Converter whole, Converter stream);
  Result<std::string> read(UConverter& converter, std::string_view text, bool is_last);
  Result<std::string> write(std::string_view utf8);

  const std::string name_;
  const Converter whole_, stream_;
  Status failure_;
};

}  // namespace server::pg
