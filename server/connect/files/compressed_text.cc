#include "server/connect/files/compressed_text.h"

#include <fmt/format.h>
#include <lz4frame.h>
#include <zlib.h>
#include <zstd.h>

#include <algorithm>
#include <utility>

namespace server {

namespace {

constexpr size_t kStepBytes = 128 << 10;

Error damaged(std::string_view what) { return {ErrorCode::DataCorrupted, std::string(what)}; }
Error no_memory() {
  return {ErrorCode::OutOfMemory, "the memory for a compressed file could not be allocated"};
}

// Appends space to a text, into which a codec writes its next output. The codec may use less of it; the destructor
// removes the rest.
class Room {
 public:
  Room(std::string& text, size_t size) : text_(text), used_(text.size()) {
    text_.resize(used_ + size);
  }
  ~Room() { text_.resize(used_); }
  char* begin() { return text_.data() + used_; }
  size_t size() const { return text_.size() - used_; }
  void take(size_t written) { used_ += written; }

 private:
  std::string& text_;
  size_t used_;
};

// --- gzip

constexpr int kGzip = 15 + 16;  // the largest window, with the header of gzip

class GzipEncoder final : public TextEncoder {
 public:
  GzipEncoder() {
    constexpr int kMemory = 8;
    is_open_ = deflateInit2(&stream_, Z_DEFAULT_COMPRESSION, Z_DEFLATED, kGzip, kMemory,
                            Z_DEFAULT_STRATEGY) == Z_OK;
  }
  ~GzipEncoder() override {
    if (is_open_) deflateEnd(&stream_);
  }
  Status append(std::string_view text, std::string& to) override {
    return run(text, Z_NO_FLUSH, to);
  }
  Status finish(std::string& to) override { return run({}, Z_FINISH, to); }

 private:
  Status run(std::string_view text, int flush, std::string& to) {
    if (!is_open_) return no_memory();
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(text.data()));
    stream_.avail_in = static_cast<uInt>(text.size());
    while (true) {
      Room room(to, kStepBytes);
      stream_.next_out = reinterpret_cast<Bytef*>(room.begin());
      stream_.avail_out = static_cast<uInt>(room.size());
      const int result = deflate(&stream_, flush);
      room.take(room.size() - stream_.avail_out);
      const bool has_room_left = stream_.avail_out > 0;
      if (result == Z_STREAM_END || (flush == Z_NO_FLUSH && has_room_left)) return {};
    }
  }

  z_stream stream_ = {};
  bool is_open_ = false;
};

class GzipDecoder final : public TextDecoder {
 public:
  GzipDecoder() { is_open_ = inflateInit2(&stream_, kGzip) == Z_OK; }
  ~GzipDecoder() override {
    if (is_open_) inflateEnd(&stream_);
  }
  Status decode(std::string_view& from, std::string& to) override {
    if (!is_open_) return no_memory();
    if (is_whole_) inflateReset(&stream_);  // the next member
    is_whole_ = false;
    stream_.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(from.data()));
    stream_.avail_in = static_cast<uInt>(from.size());
    Room room(to, kStepBytes);
    stream_.next_out = reinterpret_cast<Bytef*>(room.begin());
    stream_.avail_out = static_cast<uInt>(room.size());
    const int result = inflate(&stream_, Z_NO_FLUSH);
    room.take(room.size() - stream_.avail_out);
    from.remove_prefix(from.size() - stream_.avail_in);
    if (result == Z_STREAM_END)
      is_whole_ = true;
    else if (result != Z_OK && result != Z_BUF_ERROR)
      return damaged(stream_.msg != nullptr ? stream_.msg : "the bytes are not gzip");
    return {};
  }
  bool is_whole() const override { return is_whole_; }

 private:
  z_stream stream_ = {};
  bool is_open_ = false, is_whole_ = false;
};

// --- zstd

struct FreeZstd {
  void operator()(ZSTD_CCtx* context) const { ZSTD_freeCCtx(context); }
  void operator()(ZSTD_DCtx* context) const { ZSTD_freeDCtx(context); }
};

class ZstdEncoder final : public TextEncoder {
 public:
  ZstdEncoder() : context_(ZSTD_createCCtx()) {
    if (context_) ZSTD_CCtx_setParameter(context_.get(), ZSTD_c_checksumFlag, 1);
  }
  Status append(std::string_view text, std::string& to) override {
    return run(text, ZSTD_e_continue, to);
  }
  Status finish(std::string& to) override { return run({}, ZSTD_e_end, to); }

 private:
  Status run(std::string_view text, ZSTD_EndDirective end, std::string& to) {
    if (!context_) return no_memory();
    ZSTD_inBuffer in{text.data(), text.size(), 0};
    while (true) {
      Room room(to, kStepBytes);
      ZSTD_outBuffer out{room.begin(), room.size(), 0};
      const size_t left = ZSTD_compressStream2(context_.get(), &out, &in, end);
      room.take(out.pos);
      if (ZSTD_isError(left) != 0) return damaged(ZSTD_getErrorName(left));
      if (end == ZSTD_e_end ? left == 0 : in.pos == in.size) return {};
    }
  }

  const std::unique_ptr<ZSTD_CCtx, FreeZstd> context_;
};

class ZstdDecoder final : public TextDecoder {
 public:
  ZstdDecoder() : context_(ZSTD_createDCtx()) {}
  Status decode(std::string_view& from, std::string& to) override {
    if (!context_) return no_memory();
    Room room(to, kStepBytes);
    ZSTD_inBuffer in{from.data(), from.size(), 0};
    ZSTD_outBuffer out{room.begin(), room.size(), 0};
    const size_t left = ZSTD_decompressStream(context_.get(), &out, &in);
    if (ZSTD_isError(left) != 0) return damaged(ZSTD_getErrorName(left));
    room.take(out.pos);
    from.remove_prefix(in.pos);
    is_whole_ = left == 0;
    return {};
  }
  bool is_whole() const override { return is_whole_; }

 private:
  const std::unique_ptr<ZSTD_DCtx, FreeZstd> context_;
  bool is_whole_ = false;
};

// --- LZ4

struct FreeLz4 {
  void operator()(LZ4F_cctx* context) const { LZ4F_freeCompressionContext(context); }
  void operator()(LZ4F_dctx* context) const { LZ4F_freeDecompressionContext(context); }
};

class Lz4Encoder final : public TextEncoder {
 public:
  Lz4Encoder() {
    LZ4F_cctx* context = nullptr;
    if (LZ4F_isError(LZ4F_createCompressionContext(&context, LZ4F_VERSION)) == 0)
      context_.reset(context);
    preferences_.frameInfo.contentChecksumFlag = LZ4F_contentChecksumEnabled;
  }
  Status append(std::string_view text, std::string& to) override {
    TRY(begin(to));
    while (!text.empty()) {
      const std::string_view part = text.substr(0, kStepBytes);
      Room room(to, LZ4F_compressBound(part.size(), &preferences_));
      const size_t written = LZ4F_compressUpdate(context_.get(), room.begin(), room.size(),
                                                 part.data(), part.size(), nullptr);
      if (LZ4F_isError(written) != 0) return damaged(LZ4F_getErrorName(written));
      room.take(written);
      text.remove_prefix(part.size());
    }
    return {};
  }
  Status finish(std::string& to) override {
    TRY(begin(to));
    Room room(to, LZ4F_compressBound(0, &preferences_));
    const size_t written = LZ4F_compressEnd(context_.get(), room.begin(), room.size(), nullptr);
    if (LZ4F_isError(written) != 0) return damaged(LZ4F_getErrorName(written));
    room.take(written);
    return {};
  }

 private:
  Status begin(std::string& to) {
    if (!context_) return no_memory();
    if (std::exchange(has_begun_, true)) return {};
    Room room(to, LZ4F_HEADER_SIZE_MAX);
    const size_t written =
        LZ4F_compressBegin(context_.get(), room.begin(), room.size(), &preferences_);
    if (LZ4F_isError(written) != 0) return damaged(LZ4F_getErrorName(written));
    room.take(written);
    return {};
  }

  std::unique_ptr<LZ4F_cctx, FreeLz4> context_;
  LZ4F_preferences_t preferences_ = {};
  bool has_begun_ = false;
};

class Lz4Decoder final : public TextDecoder {
 public:
  Lz4Decoder() {
    LZ4F_dctx* context = nullptr;
    if (LZ4F_isError(LZ4F_createDecompressionContext(&context, LZ4F_VERSION)) == 0)
      context_.reset(context);
  }
  Status decode(std::string_view& from, std::string& to) override {
    if (!context_) return no_memory();
    Room room(to, kStepBytes);
    size_t written = room.size(), read = from.size();
    const size_t left =
        LZ4F_decompress(context_.get(), room.begin(), &written, from.data(), &read, nullptr);
    if (LZ4F_isError(left) != 0) return damaged(LZ4F_getErrorName(left));
    room.take(written);
    from.remove_prefix(read);
    is_whole_ = left == 0;
    return {};
  }
  bool is_whole() const override { return is_whole_; }

 private:
  std::unique_ptr<LZ4F_dctx, FreeLz4> context_;
  bool is_whole_ = false;
};

}  // namespace

FileCodec codec_of_file(std::string_view name) {
  if (name.ends_with(".gz")) return FileCodec::Gzip;
  if (name.ends_with(".zst")) return FileCodec::Zstd;
  return name.ends_with(".lz4") ? FileCodec::Lz4 : FileCodec::None;
}

std::unique_ptr<TextEncoder> make_text_encoder(FileCodec codec) {
  switch (codec) {
    case FileCodec::None:
      break;
    case FileCodec::Gzip:
      return std::make_unique<GzipEncoder>();
    case FileCodec::Zstd:
      return std::make_unique<ZstdEncoder>();
    case FileCodec::Lz4:
      return std::make_unique<Lz4Encoder>();
  }
  return nullptr;
}

std::unique_ptr<TextDecoder> make_text_decoder(FileCodec codec) {
  switch (codec) {
    case FileCodec::None:
      break;
    case FileCodec::Gzip:
      return std::make_unique<GzipDecoder>();
    case FileCodec::Zstd:
      return std::make_unique<ZstdDecoder>();
    case FileCodec::Lz4:
      return std::make_unique<Lz4Decoder>();
  }
  return nullptr;
}

CompressedFile::CompressedFile(const OpenFile& file, FileCodec codec, std::string name)
    : file_(file), codec_(codec), name_(std::move(name)) {
  restart();
}

void CompressedFile::restart() {
  decoder_ = make_text_decoder(codec_);
  input_.clear();
  input_at_ = 0;
  consumed_ = 0;
  text_.clear();
  text_begin_ = 0;
  is_at_end_ = false;
}

Status CompressedFile::decode_some() {
  if (input_at_ == input_.size()) {
    input_ = TRY(read_at(file_, consumed_, kStepBytes));
    input_at_ = 0;
  }
  std::string_view rest = std::string_view(input_).substr(input_at_);
  // At the end of the file, the decoder is called again without input, since it may still have text
  // for which the output had no space before.
  const size_t before = text_.size();
  const bool is_file_read = rest.empty();
  Status decoded;
  if (!is_file_read || !decoder_->is_whole()) decoded = decoder_->decode(rest, text_);
  const size_t taken = input_.size() - input_at_ - rest.size();
  input_at_ += taken;
  consumed_ += static_cast<int64_t>(taken);
  if (!decoded) {
    Error error = decoded.error();
    error.message =
        fmt::format("{}: the file is damaged at byte {}: {}", name_, consumed_, error.message);
    return error;
  }
  if (!is_file_read || text_.size() > before) return {};
  if (!decoder_->is_whole())
    return Error{
        ErrorCode::DataCorrupted,
        fmt::format("{}: the file ends at byte {}, within compressed data", name_, consumed_),
        {},
        "Put the whole file in its place, and restart the connector."};
  is_at_end_ = true;
  return {};
}

Result<std::string_view> CompressedFile::at(int64_t offset, size_t size) {
  if (offset < text_begin_) restart();
  while (true) {
    const int64_t end = text_begin_ + static_cast<int64_t>(text_.size());
    // The text before `offset` is no longer needed.
    const auto passed = static_cast<size_t>(std::min(offset, end) - text_begin_);
    text_.erase(0, passed);
    text_begin_ += static_cast<int64_t>(passed);
    if (is_at_end_ || (text_begin_ == offset && text_.size() >= size)) break;
    TRY(decode_some());
  }
  if (text_begin_ != offset)
    return Error{ErrorCode::DataCorrupted,
                 fmt::format("{}: the file has {} bytes of text, and was read up to byte {}", name_,
                             text_begin_, offset)};
  return std::string_view(text_);
}

Result<std::string> read_text(const Folder& folder, const std::string& path, size_t most) {
  const OpenFile file = TRY(folder.open_file(path));
  const FileCodec codec = codec_of_file(path);
  if (codec == FileCodec::None) return read_at(file, 0, most);
  CompressedFile compressed(file, codec, path);
  return std::string(TRY(compressed.at(0, most)).substr(0, most));
}

}  // namespace server
