// Decompresses in steps. A few bytes may expand to the limit of a batch, and a caller on an event
// loop must not be blocked for that long.
#pragma once
#include <cstddef>
#include <cstdlib>
#include <memory>
#include <string_view>

#include "base/result.h"
#include "records/compression.h"

namespace records {

// Invariants: at most the limit and one step of growth are allocated, even if the input claims a
//   larger result.
// Threads:    one at a time.
class Decompressor {
 public:
  Decompressor(Codec codec, size_t max_size);
  ~Decompressor();
  Decompressor(Decompressor&&) noexcept;
  Decompressor& operator=(Decompressor&&) noexcept;

  // Decompresses about `most` more bytes, at least some; returns true at the end. `bytes` is always
  // the whole input, which may have moved in memory. Fails like decompress(), after which the
  // object must not be used.
  Result<bool> step(std::string_view bytes, size_t most);

  // The result so far; valid until the next step.
  std::string_view bytes() const { return {out_.get(), used_}; }

  // The decoder of one codec.
  class Decoder;

 private:
  struct Free {
    void operator()(char* bytes) const { std::free(bytes); }
  };
  Status grow(size_t wanted);

  size_t max_size_;
  std::unique_ptr<Decoder> decoder_;
  std::unique_ptr<char, Free> out_;  // from malloc, because realloc may grow it in place
  size_t used_ = 0, capacity_ = 0;
  size_t consumed_ = 0;  // bytes of the input that were consumed
};

}  // namespace records
