// Converts texts between a client that uses another encoding and the server, which only uses UTF-8.
#pragma once
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct UConverter;

namespace server::pg {

// Threads: the session's loop.
// Owner:   the session, and each row encoder, which keeps the encoding that it began with.
class ClientEncoding {
 public:
  // Makes the converter for an encoding. Returns null if texts need no conversion: for UTF8,
  // SQL_ASCII, and names that find_client_encoding() does not know.
  static std::shared_ptr<ClientEncoding> make(std::string_view name);
  ~ClientEncoding();
  ClientEncoding(const ClientEncoding&) = delete;
  ClientEncoding& operator=(const ClientEncoding&) = delete;

  const std::string& name() const { return name_; }

  // Converts a text of the client to UTF-8. Fails with InvalidEncoding on bytes that are not
  // characters of the encoding.
  Result<std::string> from_client(std::string_view text);
  // Converts a text in pieces, cut anywhere: the start of a character at the end of a piece is
  // completed by the next piece.
  void begin_stream();
  Result<std::string> stream_from_client(std::string_view piece, bool is_last);

  // Converts a text to the client's encoding. A character that the encoding lacks becomes a
  // question mark. Used for messages and names, which must be sent even with such characters.
  std::string to_client_or_marks(std::string_view utf8);
  // Converts `out` from `begin` on into the client's encoding. take_failure() returns the error of
  // characters that the encoding lacks.
  void convert_end(std::string& out, size_t begin);
  // Returns the first failure since the last call: a character that the encoding lacks.
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
