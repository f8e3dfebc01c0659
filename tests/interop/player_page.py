"""What tests ask of a page that has the player in it."""

PLAYING = """() => {
    const player = document.querySelector("headwater-player");
    return player.dataset.state === "playing"
        && player.video.getVideoPlaybackQuality().totalVideoFrames > 50;
}"""
