// Files that are compressed as a whole: gzip, zstd and frames of LZ4. The extension of a file's name determines the
// codec.
#pragma once
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"
#include "server/connect/files/folder.h"

namespace server {

enum class FileCodec : uint8_t { None, Gzip, Zstd, Lz4 };
// Returns the codec of a file by the end of its name: ".gz", ".zst" or ".lz4".
FileCodec codec_of_file(std::string_view name);

// Compresses a text into one gzip member, or one frame of zstd or LZ4. Equal sequences of calls
// with equal texts give equal bytes.
//
// Threads: one. Owner: a writer of files.
class TextEncoder {
 public:
  virtual ~TextEncoder() = default;
  // Compresses `text`, and appends compressed bytes to `to`. The encoder may keep some of the bytes
  // until a later call.
  virtual Status append(std::string_view text, std::string& to) = 0;
  virtual Status finish(std::string& to) = 0;
};
// Returns null for None.
std::unique_ptr<TextEncoder> make_text_encoder(FileCodec codec);

// Decompresses members or frames, one after another.
class TextDecoder {
 public:
  virtual ~TextDecoder() = default;
  // Decompresses a part of `from`, removes that part from `from`, and appends the text to `to`.
  // Fails with DataCorrupted; the caller adds the position in the file to the message.
  virtual Status decode(std::string_view& from, std::string& to) = 0;
  // Whether the bytes that were decoded end with a whole member or frame.
  virtual bool is_whole() const = 0;
};
std::unique_ptr<TextDecoder> make_text_decoder(FileCodec codec);

// Reads the text of a compressed file. A window of the decompressed text is in memory. If a caller
// asks for a position before the window, for example after a restart of the task, the file is
// decompressed again from its beginning.
//
// Invariants: the end of the text is reported only if the last member or frame is whole.
// Threads: one. Owner: a reader of files.
class CompressedFile {
 public:
  // `name` is the name of the file for messages. `file` outlives this object.
  CompressedFile(const OpenFile& file, FileCodec codec, std::string name);

  // Returns the text from `offset` on: at least `size` bytes, or all up to the end of the file. The view is valid until
  // the next call. Fails with DataCorrupted if the file is damaged or ends too early; the error names the position in
  // the compressed file.
  Result<std::string_view> at(int64_t offset, size_t size);
  // Whether the text returned by the last call ends at the end of the file.
  bool is_at_end() const { return is_at_end_; }
  // Returns the number of compressed bytes that were decompressed.
  int64_t consumed() const { return consumed_; }

 private:
  void restart();
  Status decode_some();

  const OpenFile& file_;
  const FileCodec codec_;
  const std::string name_;
  std::unique_ptr<TextDecoder> decoder_;
  std::string input_;       // bytes of the file that were read
  size_t input_at_ = 0;     // number of bytes of input_ that were decompressed
  int64_t consumed_ = 0;    // bytes of the file that were decompressed
  std::string text_;        // the window
  int64_t text_begin_ = 0;  // offset of the window's first byte in the decompressed text
  bool is_at_end_ = false;
};

// Returns up to `most` bytes of the text of a file, compressed or not. A compressed file is read only as far as needed.
Result<std::string> read_text(const Folder& folder, const std::string& path, size_t most);

}  // namespace server
