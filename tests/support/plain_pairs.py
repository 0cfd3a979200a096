"""A hundred texts, each with one that is about the same thing and one that is about
something else; written before any of them was measured.
"""

TRIPLES: list[tuple[str, str, str]] = [
    (
        "How long should I boil an egg so that the yolk stays soft?",
        "Six minutes in simmering water gives a runny centre and a set white.",
        "The parliament was dissolved in March and new elections were called.",
    ),
    (
        "My washing machine leaves white streaks on dark shirts.",
        "Undissolved detergent often shows up as pale marks on black laundry; use less powder.",
        "Penguins huddle together to survive the Antarctic winter.",
    ),
    (
        "best time to visit Iceland for northern lights",
        "Aurora can be seen there between September and March, on dark and cloudless nights.",
        "A mortgage with a fixed rate keeps the monthly payment the same.",
    ),
    (
        "The cat refuses to use its new litter box.",
        "Our kitten will not go in the tray we bought last week.",
        "Trains on the coastal line run every thirty minutes on weekdays.",
    ),
    (
        "When did the Berlin Wall fall?",
        "East Germany opened its border crossings on the ninth of November 1989.",
        "Knead the dough for ten minutes and let it rise in a warm place.",
    ),
    (
        "Water the tomatoes early in the morning, at the root, never over the leaves.",
        "Tomato plants get blight less often if the foliage stays dry.",
        "The orchestra tuned their instruments before the conductor came in.",
    ),
    (
        "What is the largest planet in our solar system?",
        "Jupiter has more than twice the mass of all the other planets combined.",
        "Please hand in your expense claims before the end of the month.",
    ),
    (
        "git undo last commit but keep my changes",
        "Run a soft reset to HEAD~1; the files stay as they are and remain staged.",
        "Lavender attracts bees and butterflies to the garden.",
    ),
    (
        "I forgot my password and cannot log in to my account.",
        "To regain access, click the reset link and follow the steps in the email we send you.",
        "Humpback whales sing for hours during the breeding season.",
    ),
    (
        "Heavy snow is expected in the mountains tonight.",
        "Forecasters predict up to forty centimetres of fresh powder in the high valleys by morning.",
        "The novel was rejected by twelve publishers before it appeared in print.",
    ),
    (
        "Do I have to pay tax on money I inherit?",
        "In many countries an estate above a certain threshold is subject to inheritance duty.",
        "The goalkeeper saved two penalties in the final.",
    ),
    (
        "How do vaccines work?",
        "They show the immune system a harmless piece of a germ so that it learns to recognise it.",
        "The hotel has a rooftop pool and a small sauna.",
    ),
    (
        "The car makes a squealing noise whenever I brake.",
        "Worn pads often cause a high-pitched sound when the pedal is pressed.",
        "Sonnets have fourteen lines and a fixed pattern of rhymes.",
    ),
    (
        "remove red wine stain from carpet",
        "Blot the spill at once, then cover it with salt or soda water and dab until the colour lifts.",
        "The moon is slowly drifting away from the earth.",
    ),
    (
        "Why do leaves change colour in autumn?",
        "As days get shorter, trees stop making chlorophyll, and yellow and orange pigments become visible.",
        "The server returned an error because the certificate had expired.",
    ),
    (
        "The museum is closed on Mondays.",
        "You can see the collection from Tuesday to Sunday.",
        "Add two spoons of sugar and whisk until stiff.",
    ),
    (
        "How can I improve my chances in a job interview?",
        "Read up on the company beforehand and prepare examples of what you have achieved.",
        "Volcanic ash makes the soil around the mountain very fertile.",
    ),
    (
        "Python: how to read a text file line by line",
        "Open it in a with statement and loop over the file object; each iteration yields one row.",
        "Wool sweaters should be dried flat on a towel.",
    ),
    (
        "The film was far too long and the ending made no sense.",
        "Three hours in the cinema, and I still did not understand how the story finished.",
        "Install the shelf with four screws and check it with a spirit level.",
    ),
    (
        "Which river flows through Vienna, Budapest and Belgrade?",
        "The Danube passes through or along more national capitals than any other.",
        "Dentists recommend brushing twice a day with fluoride toothpaste.",
    ),
    (
        "Marathon runners should drink small amounts often instead of a lot at once.",
        "During a long race, sip regularly rather than gulping down a whole bottle.",
        "The library lends board games as well as books.",
    ),
    (
        "My phone battery is empty by noon.",
        "The mobile does not even last half a day on one charge.",
        "Medieval castles were often built on hilltops for defence.",
    ),
    (
        "what to do when a bee stings you",
        "Scrape the stinger out quickly, wash the spot and put something cold on it.",
        "The opera house was rebuilt after the fire of 1944.",
    ),
    (
        "Is it legal to record a phone call without telling the other person?",
        "Some jurisdictions require the consent of everyone on the line before a conversation may be taped.",
        "Basil does not like frost and should be brought indoors.",
    ),
    (
        "The Great Fire of London destroyed most of the city in 1666.",
        "It started in a bakery in Pudding Lane and burned for four days.",
        "Turn off automatic updates if you are on a metered connection.",
    ),
    (
        "Our flight was cancelled because of the storm.",
        "Bad weather kept the plane on the ground, so we had to stay another night.",
        "Pottery classes start again in October; beginners are welcome.",
    ),
    (
        "How often should I change the oil in my car?",
        "Most engines need fresh lubricant every ten to fifteen thousand kilometres.",
        "Owls can turn their heads almost all the way round.",
    ),
    (
        "Bats find their way in the dark by listening to echoes.",
        "They send out ultrasonic calls and judge distances from what bounces back.",
        "The bank charges a fee for withdrawals abroad.",
    ),
    (
        "recipe for vegetarian lasagne with spinach",
        "Layer pasta sheets with ricotta, chopped greens and tomato sauce, top with cheese, bake 40 minutes.",
        "The match was abandoned at half time when the floodlights failed.",
    ),
    (
        "The router has to be restarted every evening because the wifi drops.",
        "Each night our wireless connection is lost until someone switches the box off and on.",
        "The bride wore her grandmother's dress.",
    ),
    (
        "What causes the tides?",
        "The gravity of the moon and, to a lesser degree, the sun pulls the oceans into bulges.",
        "Employees may work from home two days a week.",
    ),
    (
        "She has been learning the violin since she was five.",
        "She began playing a string instrument before she even started school.",
        "Concrete needs about four weeks to reach its full strength.",
    ),
    (
        "Can I return shoes that I bought online?",
        "You may send footwear back within fourteen days, unworn and in the original box.",
        "Glaciers carve deep valleys as they move downhill.",
    ),
    (
        "The train to the airport leaves from platform three at ten past the hour.",
        "If you are flying, take the hourly rail service; it departs from track 3.",
        "Rosemary and garlic go well with roast potatoes.",
    ),
    (
        "symptoms of iron deficiency",
        "People who lack this mineral often feel tired, look pale and get out of breath easily.",
        "The bridge is painted in a colour called international orange.",
    ),
    (
        "How is a tsunami formed?",
        "An earthquake under the sea floor lifts the water above it, and a giant wave spreads out.",
        "The board approved the budget for the coming year.",
    ),
    (
        "Put the lid on the pan and the water will boil faster.",
        "Covering the pot saves energy and shortens the time until it bubbles.",
        "The last episode of the series will be shown on Sunday.",
    ),
    (
        "Children under six travel free on all city buses.",
        "You do not need a ticket for a toddler on public transport in town.",
        "A hash table stores values so that they can be found by key in constant time.",
    ),
    (
        "What does HTTP status 404 mean?",
        "The web server could not find the page that was asked for.",
        "Camels store fat, not water, in their humps.",
    ),
    (
        "The roof of the old church is leaking.",
        "Rain has been dripping into the nave of our village chapel for weeks.",
        "A good backhand needs early preparation and firm footwork.",
    ),
    (
        "How many players are there in a volleyball team?",
        "Six people from each side are on the court at any time.",
        "The vaccine must be kept in a refrigerator.",
    ),
    (
        "Note: the plumber comes on Thursday between nine and eleven, somebody has to be at home.",
        "Someone needs to let the workman in on Thursday morning so he can fix the pipes.",
        "Impressionist painters liked to work outdoors.",
    ),
    (
        "how to get rid of fruit flies in the kitchen",
        "A glass of vinegar with a drop of dish soap traps the little insects overnight.",
        "The treaty was signed by twenty-seven states.",
    ),
    (
        "Why is the sky blue?",
        "Air scatters short wavelengths of sunlight more strongly than long ones.",
        "Your parcel could not be delivered because nobody was at home.",
    ),
    (
        "I am looking for a thriller set in Scandinavia.",
        "This gripping crime novel follows a detective through the dark winter of northern Norway.",
        "The dishwasher needs salt to soften the water.",
    ),
    (
        "The exam will cover chapters one to eight of the textbook.",
        "For the test, students must know the first eight sections of the course book.",
        "Lightning struck the tower and set fire to the wooden stairs.",
    ),
    (
        "Which plants grow well in a dark corner of a flat?",
        "Ferns, ivy and the snake plant cope with very little light.",
        "The new stadium holds sixty thousand spectators.",
    ),
    (
        "The company laid off a tenth of its staff.",
        "One in ten workers lost their jobs at the firm.",
        "Store the cheese in paper, not in plastic.",
    ),
    (
        "What is the difference between a crocodile and an alligator?",
        "Look at the snout: one has a narrow V shape, the other is broad and rounded like a U.",
        "Enter your tax number in the field at the top of the form.",
    ),
    (
        "Carnival in Venice is famous for its masks.",
        "Visitors wander through the lagoon city in costume, their faces hidden, in the weeks before Lent.",
        "The compiler warns about variables that are never used.",
    ),
    (
        "docker container cannot reach the internet",
        "If there is no outbound network inside the image, check the DNS settings and the bridge interface.",
        "Sheep are usually shorn once a year, in spring.",
    ),
    (
        "How do I knit a scarf as a beginner?",
        "Cast on thirty stitches with thick yarn and repeat the same row until the piece is long enough.",
        "The comet will be visible to the naked eye in July.",
    ),
    (
        "My grandmother's hearing aid whistles all the time.",
        "A feedback squeal usually means that the earpiece does not sit properly in the ear canal.",
        "The city introduced a congestion charge for lorries.",
    ),
    (
        "What was the Silk Road?",
        "A network of trade routes linked China with the Mediterranean for many centuries.",
        "Always warm up before lifting heavy weights.",
    ),
    (
        "The lift is out of order, please use the stairs.",
        "Until the elevator has been repaired, you will have to walk up.",
        "Maple syrup is made from the sap of trees in Canada.",
    ),
    (
        "Is it safe to eat mushrooms that I found in the woods?",
        "Never cook wild fungi unless an expert has identified them; some are deadly.",
        "The album sold two million copies in its first week.",
    ),
    (
        "cheap hostels in Lisbon near the centre",
        "Dormitory beds in the old town from eighteen euros a night, ten minutes' walk from the main square.",
        "An adult human has two hundred and six bones.",
    ),
    (
        "Bees are dying in large numbers, and farmers worry about their orchards.",
        "Without enough pollinators the fruit harvest could fail.",
        "Please silence your phones before the performance begins.",
    ),
    (
        "How does a fridge keep food cold?",
        "A liquid evaporates in coils inside the cabinet and carries the heat to the outside at the back.",
        "The prime minister resigned after only six weeks in office.",
    ),
    (
        "The dog barks whenever the doorbell rings.",
        "Each time a visitor arrives, our terrier makes a terrible racket.",
        "Interest on the savings account is paid once a year.",
    ),
    (
        "How can I sleep better at night?",
        "Go to bed at regular hours, keep the room cool and avoid screens late in the evening.",
        "The cathedral's stained glass dates from the thirteenth century.",
    ),
    (
        "The database query takes more than a minute.",
        "Adding an index on the column in the WHERE clause made the SQL statement run much quicker.",
        "Kangaroos carry their young in a pouch.",
    ),
    (
        "Who painted the ceiling of the Sistine Chapel?",
        "Michelangelo worked on the frescoes from 1508 to 1512.",
        "The recycling is collected every second Friday.",
    ),
    (
        "Fold the egg whites in gently, otherwise the cake will be flat.",
        "Stirring the beaten whites too hard knocks out the air, and the sponge does not rise.",
        "The ferry to the island does not run in winter.",
    ),
    (
        "What is a black hole?",
        "A region of space where gravity is so strong that not even light can escape.",
        "Trousers can be shortened free of charge in our shop.",
    ),
    (
        "The landlord wants to raise the rent by twenty percent.",
        "From next year our flat will cost a fifth more each month.",
        "Salmon return to the stream where they were born.",
    ),
    (
        "how to tie a tie",
        "Cross the wide end over the narrow one, pull it up through the neck loop and down through the knot.",
        "The drought has lowered the level of the lake by three metres.",
    ),
    (
        "When is the best time to prune apple trees?",
        "Cut back the branches in late winter while the tree is still dormant.",
        "The symphony was first performed in Prague.",
    ),
    (
        "A strike by pilots has grounded most flights this weekend.",
        "Cockpit crews have walked out, and hardly any planes will take off until Monday.",
        "Soak the beans in cold water overnight.",
    ),
    (
        "What is the capital of Australia?",
        "Canberra was founded as a compromise between Sydney and Melbourne.",
        "Your blood pressure is a little too high.",
    ),
    (
        "Does this laptop have enough memory for video editing?",
        "With 32 gigabytes of RAM, cutting 4K footage should be no problem on this machine.",
        "Storks build their nests on chimneys and church towers.",
    ),
    (
        "The chess champion lost to a sixteen-year-old.",
        "A teenager beat the best player in the world at the board.",
        "To clean the oven, spread a paste of baking soda on the walls.",
    ),
    (
        "first aid for a burn",
        "Hold the injured skin under cool running water for about twenty minutes; do not put butter on it.",
        "Ticket sales for the summer festival start at noon.",
    ),
    (
        "Why do onions make you cry?",
        "When you cut the bulb, it releases a gas that irritates the eyes.",
        "The tunnel under the Alps is fifty-seven kilometres long.",
    ),
    (
        "I would like to cancel my gym membership.",
        "Please end my contract with the fitness studio at the next possible date.",
        "The northern part of the desert receives no rain for years.",
    ),
    (
        "The ancient Egyptians buried their kings with everything they might need in the afterlife.",
        "Pharaohs' tombs contained furniture, food and jewellery for the world beyond.",
        "Set the printer to double-sided to save paper.",
    ),
    (
        "What is a fair tip in an American restaurant?",
        "Diners in the United States normally leave the waiter fifteen to twenty percent of the bill.",
        "Hedgehogs hibernate under piles of leaves.",
    ),
    (
        "The heating does not get warm in the bedroom.",
        "If one radiator stays cold, there is probably air in it that must be let out with a bleed key.",
        "The poem describes a walk by the sea at dawn.",
    ),
    (
        "public and private keys explained simply",
        "Anyone may use the open half to encrypt a message, but only the owner's secret half can decrypt it.",
        "Skating on the canal is a tradition in Dutch winters.",
    ),
    (
        "She speaks four languages fluently.",
        "English, Greek, Dutch and Turkish all come easily to her.",
        "The engine overheated on the way up the pass.",
    ),
    (
        "How far away is the sun?",
        "Its light takes a little over eight minutes to get here, across 150 million kilometres.",
        "Sew the button on with strong thread.",
    ),
    (
        "We serve breakfast from seven to ten in the garden room.",
        "Guests can have their morning meal downstairs until 10 o'clock.",
        "Copyright normally expires seventy years after the author's death.",
    ),
    (
        "Is coffee bad for your heart?",
        "Studies suggest that three or four cups a day do no cardiac harm to most healthy adults.",
        "The archive keeps maps from the age of sailing ships.",
    ),
    (
        "The ski lifts stay closed because there is not enough snow.",
        "With bare slopes, the resort has put off the start of its season.",
        "A stack overflow happens when a function calls itself without end.",
    ),
    (
        "bicycle chain keeps slipping off",
        "Check the derailleur limit screws, and replace worn links or sprockets that let it jump.",
        "Parents are invited to the school concert on Friday evening.",
    ),
    (
        "The first telephone call was made in 1876.",
        "Speech was sent over a wire for the first time in the late nineteenth century.",
        "Wash the lettuce and dry it in a spinner.",
    ),
    (
        "How do I apply for a new passport?",
        "Make an appointment at the citizens' office and bring a recent photo and your old travel document.",
        "Jazz developed in New Orleans around 1900.",
    ),
    (
        "Ants follow scent trails to find their way back to the nest.",
        "The insects mark the route home with chemicals that their sisters can smell.",
        "The insurance does not cover damage caused by floods.",
    ),
    (
        "Where can I watch the final without paying?",
        "The public broadcaster shows the deciding game live and free of charge, on television and online.",
        "Marble is limestone changed by heat and pressure.",
    ),
    (
        "The old cinema is being turned into flats.",
        "Developers are converting the former picture house into apartments.",
        "Take one tablet three times a day after meals.",
    ),
    (
        "how to back up photos from phone to computer",
        "Connect the device by USB cable and copy the camera folder to your hard disk.",
        "The queen bee can lay two thousand eggs a day.",
    ),
    (
        "Why did the Roman Empire fall?",
        "Historians name invasions, civil wars, economic decline and poor leadership among the reasons.",
        "Iron the shirt while it is still slightly damp.",
    ),
    (
        "The baby has a fever and will not drink.",
        "Call a doctor at once if an infant has a high temperature and refuses fluids.",
        "The harbour was deepened so that larger container ships can enter.",
    ),
    (
        "What is compound interest?",
        "You earn a return not only on what you first put in but also on the gains already added.",
        "Reindeer migrate across the tundra in huge herds.",
    ),
    (
        "A storm tore the tiles off several houses last night.",
        "Strong winds damaged many roofs in the village.",
        "The guitar has six strings, the bass usually four.",
    ),
    (
        "which bread flour for pizza dough",
        "Italian type 00, with plenty of gluten, gives a thin and stretchy base with a crisp crust.",
        "The witness could not remember the colour of the getaway car.",
    ),
    (
        "Turn left at the fountain, cross the market square, and the town hall is right in front of you.",
        "You get to the city council building by going past the fountain and over the square.",
        "Too much screen time can strain the eyes.",
    ),
    (
        "How do I write a unit test for a function that calls a web service?",
        "Replace the remote API with a mock so that the code runs without any network.",
        "Dahlias have to be dug up before the first frost.",
    ),
    (
        "The pianist played the whole concert from memory.",
        "Not once did the soloist at the grand piano look at a score.",
        "Lorries are not allowed on the road through the village at night.",
    ),
    (
        "What does the yellow card mean in football?",
        "The referee shows it as an official caution; a second one sends the player off.",
        "Cinnamon is the dried bark of a tropical tree.",
    ),
]
