"""One RTSP method, one file: each has `answer(exchange)`, which returns the response or raises."""
