// A player on live555, the RTSP client library inside VLC: asks for everything in VLC's order
// (OPTIONS, DESCRIBE, SETUP of each track, PLAY) and writes what comes into two files.
//
//   live555-record URL udp|tcp FOLDER SECONDS   ->   FOLDER/video.h264, FOLDER/audio.raw

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

#include "BasicUsageEnvironment.hh"
#include "liveMedia.hh"

namespace {

constexpr unsigned kSinkBytes = 2'000'000;

char volatile done = 0;
bool use_tcp = false;
bool failed = false;
double seconds = 0;
std::string folder;
MediaSession* session = nullptr;
MediaSubsessionIterator* tracks = nullptr;
MediaSubsession* track = nullptr;

bool refused(char const* what, int code, char const* text) {
    if (code == 0) return false;
    std::fprintf(stderr, "%s: %d %s\n", what, code, text ? text : "");
    failed = true;
    done = 1;
    return true;
}

void leave(void*) { done = 1; }

void on_play(RTSPClient* client, int code, char* text) {
    if (refused("PLAY", code, text)) return;
    auto microseconds = static_cast<int64_t>(seconds * 1e6);
    client->envir().taskScheduler().scheduleDelayedTask(microseconds, leave, nullptr);
}

void set_up_next(RTSPClient* client);

void on_setup(RTSPClient* client, int code, char* text) {
    if (refused("SETUP", code, text)) return;
    std::string const path = folder + "/" + track->mediumName();
    if (std::strcmp(track->codecName(), "H264") == 0) {
        track->sink = H264VideoFileSink::createNew(
            client->envir(), (path + ".h264").c_str(), track->fmtp_spropparametersets(), kSinkBytes);
    } else {
        track->sink = FileSink::createNew(client->envir(), (path + ".raw").c_str(), kSinkBytes);
    }
    if (std::strcmp(track->codecName(), "MP4A-LATM") == 0) {
        auto* source = static_cast<MPEG4LATMAudioRTPSource*>(track->rtpSource());
        source->omitLATMDataLengthField();
    }
    track->sink->startPlaying(*track->readSource(), leave, nullptr);
    if (track->rtcpInstance() != nullptr) track->rtcpInstance()->setByeHandler(leave, nullptr);
    set_up_next(client);
}

void set_up_next(RTSPClient* client) {
    track = tracks->next();
    if (track == nullptr) {
        client->sendPlayCommand(*session, on_play, 0.0, -1.0);
    } else if (track->initiate()) {
        client->sendSetupCommand(*track, on_setup, False, use_tcp);
    } else {
        refused("initiate", 1, client->envir().getResultMsg());
    }
}

void on_describe(RTSPClient* client, int code, char* text) {
    if (refused("DESCRIBE", code, text)) return;
    session = MediaSession::createNew(client->envir(), text);
    tracks = new MediaSubsessionIterator(*session);
    set_up_next(client);
}

void on_options(RTSPClient* client, int code, char* text) {
    if (refused("OPTIONS", code, text)) return;
    client->sendDescribeCommand(on_describe);
}

}  // namespace

int main(int count, char** words) {
    if (count != 5) return 2;
    use_tcp = std::strcmp(words[2], "tcp") == 0;
    folder = words[3];
    seconds = std::atof(words[4]);
    TaskScheduler* scheduler = BasicTaskScheduler::createNew();
    UsageEnvironment* environment = BasicUsageEnvironment::createNew(*scheduler);
    RTSPClient* client = RTSPClient::createNew(*environment, words[1], 1, "live555-record");
    client->sendOptionsCommand(on_options);
    scheduler->doEventLoop(&done);
    if (session != nullptr) {
        client->sendTeardownCommand(*session, nullptr);
        done = 0;
        scheduler->scheduleDelayedTask(300'000, leave, nullptr);
        scheduler->doEventLoop(&done);
    }
    std::fflush(nullptr);
    std::_Exit(failed ? 1 : 0);
}
