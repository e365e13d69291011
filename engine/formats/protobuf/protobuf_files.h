// Files of Protobuf, read by protobuf's own parser. Included only by the sources of this folder, so that protobuf's
// headers stay private to it.
#pragma once
#include <google/protobuf/descriptor.h>

#include <string>

#include "base/result.h"
#include "engine/formats/schema/schema_text.h"

namespace engine {

// Owns the files that it has read.
class ProtobufFiles {
 public:
  ProtobufFiles();

  // Adds the file after all files that it refers to. Fails with InvalidText, LimitExceeded.
  Result<const google::protobuf::FileDescriptor*> add(const SchemaText& schema);

 private:
  Result<const google::protobuf::FileDescriptor*> add(const std::string& name,
                                                      const std::string& text);
  Status add_known(const std::string& name);

  google::protobuf::DescriptorPool pool_;
};

}  // namespace engine
