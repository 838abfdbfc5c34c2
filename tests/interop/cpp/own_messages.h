#ifndef INTEROP_OWN_MESSAGES_H_
#define INTEROP_OWN_MESSAGES_H_

#include <google/protobuf/message.h>

#include <memory>
#include <string>
#include <vector>

// The messages of own_messages.py.
std::vector<std::unique_ptr<google::protobuf::Message>> OwnMessages(const std::string& library);

#endif  // INTEROP_OWN_MESSAGES_H_
